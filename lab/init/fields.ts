import { counted } from "../../format/counted.ts";
import { decimalStep } from "../../format/data-settings.ts";
import { show } from "../../format/errors.ts";
import type { Spelling } from "../../trainer/profile/spelling.ts";
import type { Column, Reading } from "./column.ts";
import type { FieldDraft, StepDraft } from "./draft.ts";
import { listStyleOf } from "./lists.ts";
import { isCategorical, isRead, LARGE, type NumberReading, separatorsText } from "./log-numbers.ts";
import { MARKED_NUMBER } from "./marks.ts";
import { isPositionName } from "./names.ts";
import type { NumberStyle } from "./numbers.ts";
import type { Roles, SideGuess } from "./roles.ts";
import type { Survey } from "./survey.ts";
import { count, number } from "./words.ts";

/** The fields that are made of one column, and why. */
interface ColumnFields {
  fields: FieldDraft[];
  /** In a few words, for a table. */
  chosen: string;
  reasons: string[];
}

/** Makes the fields of a column. `taken`: names that no new field may have; those of new fields are added. */
export function fieldsOf(
  column: Column,
  { side, reason }: SideGuess,
  survey: Survey,
  roles: Roles,
  taken: Set<string>,
): ColumnFields {
  const made = fieldsByReading(column, survey, roles, taken);
  for (const field of made.fields) field.side = side;
  if (isPositionName(column.name)) {
    made.reasons.push(
      "Known in training only: it takes from the model what a click owes to the place. A request sends the same for all " +
        `candidates, such as "${column.name}": 1`,
    );
    made.chosen += ", position";
  }
  if (made.fields.length > 0) made.chosen = `${made.chosen}, ${side}`;
  return { ...made, reasons: reason === "" ? made.reasons : [...made.reasons, reason] };
}

function fieldsByReading(column: Column, survey: Survey, roles: Roles, taken: Set<string>): ColumnFields {
  const { reading } = column;
  switch (reading.kind) {
    case "time":
      return column === roles.time ? clockFields(column, reading, taken) : monthField(column, reading, taken);
    case "number":
      return isCategorical(column, reading)
        ? idField(column, reading, survey)
        : numericField(column, reading, decimalStep(survey.data));
    case "list":
      return listField(column, reading, survey);
    case "text":
      return textField(column, reading, survey, taken);
    default:
      return {
        fields: [{ name: column.name, type: "categorical", ...prepared(missingSteps(column)) }],
        chosen: "categorical",
        reasons: ["two values"],
      };
  }
}

function prepared(steps: readonly StepDraft[]): { prepare?: StepDraft[] } {
  return steps.length > 0 ? { prepare: [...steps] } : {};
}

/** What makes missing values of the texts that mean them. */
function missingSteps({ missing, strangers }: Column): StepDraft[] {
  const texts = [...missing, ...strangers];
  return texts.length > 0 ? [{ missing: texts }] : [];
}

function missingReasons({ missing, strangers }: Column): string[] {
  return [
    ...(missing.length > 0
      ? [`${missing.map((text) => show(text)).join(", ")} ${missing.length > 1 ? "mean" : "means"} missing`]
      : []),
    ...(strangers.length > 0
      ? [
          `${strangers.map((text) => show(text)).join(", ")} ${strangers.length > 1 ? "are no numbers" : "is no number"}, and taken for missing`,
        ]
      : []),
  ];
}

/** The steps and the reasons of texts that differ in spelling. */
function spellingSteps(column: Column, spelling: Spelling | null): { steps: StepDraft[]; reasons: string[] } {
  const steps = spelling?.steps ?? [];
  const missing = missingSteps(column);
  const reasons = missingReasons(column);
  if (spelling && spelling.after < spelling.before)
    reasons.unshift(
      `${counted(spelling.after, "value")} in ${counted(spelling.before, "spelling")}, such as ${spelling.example.map((text) => show(text)).join(", ")}`,
    );
  else if (spelling) reasons.unshift("Some values have stray blanks");
  // Missing texts are looked up as they are written in the log, so before anything changes them.
  return { steps: [...missing, ...steps], reasons };
}

/** Times a value must be seen to have a row of its own. */
const MIN_COUNTS = [2, 3, 5, 10];
/** Share of the records whose values must keep their rows. */
const COVERED = 0.95;
/** Values below which each keeps its row: they cost nothing. */
const FEW_VALUES = 1000;

/** The encoding of values that occur so often in a sample of a share of the log. */
function vocabulary(
  counts: readonly number[],
  survey: Survey,
): { encoding?: Record<string, unknown>; reasons: string[] } {
  const { total, records } = survey.sample;
  const uses = counts.reduce((a, b) => a + b, 0);
  if (counts.length <= FEW_VALUES) return { reasons: [] };
  // What occurs once in a sample of a tenth occurs some ten times in the log.
  const scale = total / records;
  let minCount = 1;
  for (const least of MIN_COUNTS) {
    const kept = counts.reduce((sum, n) => sum + (n * scale >= least ? n : 0), 0);
    if (kept >= COVERED * uses) minCount = least;
  }
  if (minCount === 1) minCount = 2; // a value seen once has taught nothing
  const rare = counts.filter((n) => n * scale < minCount).length;
  if (rare === 0) return { reasons: [] };
  const reason = `${count(rare)} of ${count(counts.length)} values occur fewer than ${minCount} times, and share a row`;
  return { encoding: { kind: "vocabulary", minCount }, reasons: [reason] };
}

function idField(column: Column, reading: NumberReading, survey: Survey): ColumnFields {
  const { encoding, reasons } = vocabulary(column.counts, survey);
  const why = reading.padded
    ? "Its digits are a name: some begin with 0"
    : reading.facts.median >= LARGE
      ? "Whole numbers this large are names of things"
      : "By its name, its numbers are names of things and no amounts";
  const steps = missingSteps(column);
  if (reading.pointZero) steps.push({ capture: "^\\s*(-?\\d+)" });
  const points = reading.pointZero ? ["Ids are written like 3.0; what is before the point is the id"] : [];
  return {
    fields: [{ name: column.name, type: "categorical", ...(encoding && { encoding }), ...prepared(steps) }],
    chosen: `categorical${stepsText(steps)}`,
    reasons: [why, ...points, ...missingReasons(column), ...reasons],
  };
}

/** A distribution whose high values are so many times its median is looked at by its logarithm. */
const WIDE = 20;

/** How programs write numbers. */
const PLAIN_NUMBERS: NumberStyle = { decimal: "." };

/** `log`: how all numbers of the log are written, where `data` says it. */
function numericField(column: Column, { facts, style, mark }: NumberReading, log: NumberStyle | null): ColumnFields {
  const { least, median, high, most } = facts;
  const own = isRead(column, style, log) ? [] : [style ?? PLAIN_NUMBERS];
  const wide = (high - Math.min(least, 0)) / Math.max(median - Math.min(least, 0), 1) > WIDE;
  const steps: StepDraft[] = [
    ...missingSteps(column),
    ...(mark === null ? [] : [{ capture: MARKED_NUMBER }]),
    ...own.map((step) => ({ ...step })),
    ...(wide ? ["log"] : []),
  ];
  const range = `${number(least)} to ${number(most)}, half of them up to ${number(median)}`;
  const beside = mark === null ? [] : [`Written with ${show(mark)} beside the number, which alone is read`];
  const written = own.map((step) => `Written with ${separatorsText(step)}`);
  const spread = wide ? [`99 % are up to ${number(high)}, so that logarithms are taken`] : [];
  return {
    fields: [{ name: column.name, type: "numeric", ...prepared(steps) }],
    chosen: `numeric${stepsText(steps)}`,
    reasons: [range, ...beside, ...written, ...spread, ...missingReasons(column)],
  };
}

type ListReading = Extract<Reading, { kind: "list" }>;

/** Values of a list that are kept unless it is longer in the sample; a longer one may come. */
const LIST_ROOM = 2;
const MOST_LIST_VALUES = 1024;
const DEFAULT_LIST_VALUES = 50;

function listField(column: Column, { style, elements, spelling, longest }: ListReading, survey: Survey): ColumnFields {
  const { encoding, reasons } = vocabulary([...elements.values()], survey);
  const spelled = spellingSteps(column, spelling);
  const blanks = style?.separator !== undefined && column.values.some((text) => / \||\| /.test(text));
  // A cell that means missing is no list: that comes first.
  const list: StepDraft[] = style?.syntax ? [{ list: style.syntax }] : [];
  const steps: StepDraft[] = [...missingSteps(column), ...list, ...(spelling?.steps ?? [])];
  if (blanks && !steps.includes("trim")) steps.push("trim");
  const syntax = style?.syntax === "json" ? "JSON lists" : style?.syntax === "python" ? "Python lists" : null;
  const written = style === null ? "Lists" : (syntax ?? `Texts with ${show(style.separator)} between values`);
  const size = `of ${counted(elements.size, "value")}, up to ${count(longest)} at once`;
  const room = Math.min(LIST_ROOM * longest, MOST_LIST_VALUES);
  return {
    fields: [
      {
        name: column.name,
        type: "multi-categorical",
        ...(encoding && { encoding }),
        ...(style?.separator !== undefined && { separator: style.separator }),
        ...(room > DEFAULT_LIST_VALUES && { maxValues: room }),
        ...prepared(steps),
      },
    ],
    chosen: `multi-categorical${style?.separator === undefined ? "" : ` by ${show(style.separator)}`}${stepsText(steps)}`,
    reasons: [`${written} ${size}`, ...spelled.reasons, ...reasons],
  };
}

type TextReading = Extract<Reading, { kind: "text" }>;

function textField(column: Column, { spelling }: TextReading, survey: Survey, taken: Set<string>): ColumnFields {
  const words = listStyleOf(column.values);
  if (words?.words) return wordsField(column, survey, taken);
  const { encoding, reasons } = vocabulary(column.counts, survey);
  const spelled = spellingSteps(column, spelling);
  return {
    fields: [{ name: column.name, type: "categorical", ...(encoding && { encoding }), ...prepared(spelled.steps) }],
    chosen: `categorical${stepsText(spelled.steps)}`,
    reasons: [
      ...(spelled.reasons.length > 0 ? [] : [counted(column.values.length, "value")]),
      ...spelled.reasons,
      ...reasons,
    ],
  };
}

function wordsField(column: Column, survey: Survey, taken: Set<string>): ColumnFields {
  const uses = new Map<string, number>();
  let longest = 0;
  for (const [i, text] of column.values.entries()) {
    const words = new Set(text.toLowerCase().split(" "));
    longest = Math.max(longest, words.size);
    for (const word of words) uses.set(word, (uses.get(word) ?? 0) + column.counts[i]);
  }
  const { encoding, reasons } = vocabulary([...uses.values()], survey);
  const steps: StepDraft[] = [...missingSteps(column), "lower"];
  const room = Math.min(LIST_ROOM * longest, DEFAULT_LIST_VALUES);
  return {
    fields: [
      {
        name: freeName(`${column.name}_words`, taken),
        from: column.name,
        type: "multi-categorical",
        ...(encoding && { encoding }),
        separator: " ",
        maxValues: room,
        ...prepared(steps),
      },
    ],
    chosen: `multi-categorical, its words${stepsText(steps)}`,
    reasons: [
      `Texts of ${count(uses.size)} words, up to ${longest} at once: each word is a value`,
      ...missingReasons(column),
      ...reasons,
    ],
  };
}

type TimeReading = Extract<Reading, { kind: "time" }>;

const DAY = 86_400;

/** When a record was made: the hour of the day and the day of the week. */
function clockFields(column: Column, reading: TimeReading, taken: Set<string>): ColumnFields {
  const { style, least, most } = reading;
  const days = (most - least) / DAY;
  const parts = [
    ...(style.clock && days >= 1 ? ["hour"] : []),
    // A day of the week that training has not seen at all would say nothing.
    ...(days >= 7 ? ["weekday"] : []),
  ];
  const fields = parts.map(
    (part): FieldDraft => ({
      name: freeName(part, taken, `${column.name}_${part}`),
      from: column.name,
      type: "categorical",
      prepare: [...missingSteps(column), timeStep(part, reading)],
    }),
  );
  const span = `From ${dateText(least)} to ${dateText(most)}`;
  const without = days < 7 ? [`too short a time for the day of the week`] : [];
  const zone = isMoment(column)
    ? 'Its parts are those of UTC: "zone": "Europe/Berlin" or the like gives local ones'
    : "Its times say no zone, and their parts are as they stand there";
  return {
    fields,
    chosen: fields.length > 0 ? fields.map(({ name }) => name).join(", ") : "split by time",
    reasons: [span, ...without, ...(fields.length > 0 ? [zone] : []), ...(style.doubt ? [style.doubt] : [])],
  };
}

/** Whether times are moments, which clocks of each zone show in their way: numbers, and texts with an offset. */
function isMoment({ reading, values }: Column): boolean {
  if (reading.kind === "time" && reading.style.unit) return true;
  return values.slice(0, 10).every((text) => /(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)\s*$/i.test(text) && text.includes(":"));
}

/** Another time, such as that of a registration: the month tells old from new. */
function monthField(column: Column, reading: TimeReading, taken: Set<string>): ColumnFields {
  const steps = [...missingSteps(column), timeStep("date", reading), { prefix: "2024-12".length }];
  const field: FieldDraft = {
    name: freeName(`${column.name}_month`, taken),
    from: column.name,
    type: "categorical",
    prepare: steps,
  };
  return {
    fields: [field],
    chosen: "its year and month",
    reasons: [
      `Times from ${dateText(reading.least)} to ${dateText(reading.most)}, as year and month`,
      ...missingReasons(column),
    ],
  };
}

function timeStep(part: string, { style: { format, unit } }: TimeReading): StepDraft {
  return { time: part, ...(format !== undefined && { format }), ...(unit && { unit }) };
}

function dateText(seconds: number): string {
  return new Date(1000 * seconds).toISOString().slice(0, 10);
}

/** The first of some names, or of the last one with a number, that nothing has yet. */
function freeName(name: string, taken: Set<string>, other = name): string {
  let free = taken.has(name) ? other : name;
  for (let i = 2; taken.has(free); i++) free = `${other}_${i}`;
  taken.add(free);
  return free;
}

/** The steps' names, for a table. */
function stepsText(steps: readonly StepDraft[]): string {
  const names = steps.map((step) => (typeof step === "string" ? step : (Object.keys(step)[0] ?? "")));
  return names.length === 0 ? "" : `; ${names.join(", ")}`;
}
