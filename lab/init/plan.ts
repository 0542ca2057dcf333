import { MAX_FIELDS } from "../../format/constants.ts";
import { counted } from "../../format/counted.ts";
import type { Column } from "./column.ts";
import type { FieldDraft } from "./draft.ts";
import { fieldsOf } from "./fields.ts";
import { type LabelChoice, labelsOf } from "./label.ts";
import { reasonToLeaveOut } from "./leave-out.ts";
import { logNumbers } from "./log-numbers.ts";
import { isWeightName } from "./names.ts";
import { guessSide, type Roles, rolesOf, type SideGuess } from "./roles.ts";
import type { Survey } from "./survey.ts";
import { count } from "./words.ts";

// What is made of each column of a log: a field, several, or none.

/** What a column is used for, and why. */
export interface ColumnPlan {
  column: Column;
  use: "label" | "weight" | "fields" | "split" | "left out";
  /** In a few words, for a table. */
  chosen: string;
  /** Sentences for a comment. */
  reasons: string[];
  fields: FieldDraft[];
}

export type SplitDraft = { kind: "time"; by: string } | { kind: "hash"; by: string } | { kind: "random" };

/** How one log becomes three, and why. */
export interface SplitPlan {
  split: SplitDraft;
  reason: string;
}

export interface Plan {
  survey: Survey;
  label: LabelChoice;
  columns: readonly ColumnPlan[];
  split: SplitPlan;
  /** What a person should look at. */
  warnings: readonly string[];
}

/** What a person has chosen in place of what is guessed. */
export interface Answers {
  /** Names of the columns whose fields are on the item side. */
  items?: readonly string[];
  split?: SplitDraft;
}

/** Decides on each column. */
export function makePlan(looked: Survey, label: LabelChoice, answers: Answers = {}): Plan {
  const survey = { ...looked, data: { ...looked.data, ...logNumbers(looked.columns, label) } };
  const roles = rolesOf(survey, label);
  const labels = labelsOf(label);
  const warnings: string[] = [];
  const taken = new Set(survey.columns.map(({ name }) => name));
  const columns = survey.columns.map((column): ColumnPlan => {
    if (column === label.column) return planLabel(label, survey);
    if (isWeightName(column.name)) return planWeight(column);
    const out = reasonToLeaveOut(column, survey, label, labels, roles);
    if (out) {
      if (out.warning) warnings.push(out.warning);
      return { column, use: "left out", chosen: `left out: ${out.short}`, reasons: [out.reason], fields: [] };
    }
    const side = answers.items ? askedSide(column, answers.items) : guessSide(column, roles);
    const { fields, chosen, reasons } = fieldsOf(column, side, survey, roles, taken);
    return { column, use: fields.length > 0 ? "fields" : "split", chosen, reasons, fields };
  });
  return {
    survey,
    label,
    columns: columns.map(withinLimit()),
    split: planSplit(survey, roles, answers.split),
    warnings,
  };
}

/** Returns what leaves out the columns whose fields would be more than a model can have. */
function withinLimit(): (plan: ColumnPlan) => ColumnPlan {
  let fields = 0;
  return (plan) => {
    fields += plan.fields.length;
    if (plan.fields.length === 0 || fields <= MAX_FIELDS) return plan;
    const reasons = [`a model has at most ${MAX_FIELDS} fields, and the columns before it have as many`];
    return { ...plan, use: "left out", chosen: "left out: too many", reasons, fields: [] };
  };
}

function planLabel({ column, reason, plain }: LabelChoice, { sample }: Survey): ColumnPlan {
  return {
    column,
    use: "label",
    chosen: `label${plain ? "" : ", as 0 and 1"}`,
    reasons: [`of ${sample.log}: ${reason}`],
    fields: [],
  };
}

/** By its name, a column says how much a record counts; it can where every record has a number of 0 or more. */
function planWeight(column: Column): ColumnPlan {
  const { reading, absent } = column;
  const isPlain = reading.kind === "number" && reading.style === null && reading.facts.least >= 0;
  if (isPlain && absent === 0)
    return {
      column,
      use: "weight",
      chosen: "sample weight",
      reasons: ["its name says how much a record counts"],
      fields: [],
    };
  const reason = absent > 0 ? "some records lack it" : "it has other values than numbers of 0 or more";
  const reasons = [`by its name it says how much a record counts, but ${reason}`];
  return { column, use: "left out", chosen: "left out: no weight", reasons, fields: [] };
}

function askedSide({ name }: Column, items: readonly string[]): SideGuess {
  return items.includes(name)
    ? { side: "item", reason: "item side, as you said" }
    : { side: "context", reason: "context side, as you said" };
}

/** Different times below which a split by time would leave a part without records, or nearly. */
const FEW_TIMES = 20;

function planSplit({ sample }: Survey, { time, user }: Roles, asked?: SplitDraft): SplitPlan {
  if (asked) return { split: asked, reason: "as you said" };
  if (time && time.values.length >= FEW_TIMES)
    return {
      split: { kind: "time", by: time.name },
      reason: `the last records by ${time.name} are held out, as a served model, too, scores what comes after its training`,
    };
  const why = time
    ? `${time.name} has ${counted(time.values.length, "value")} only`
    : "no column says when a record was made";
  const hash = user
    ? `; {"kind": "hash", "by": "${user.name}"} would keep the records of one ${user.name} together`
    : "";
  return { split: { kind: "random" }, reason: `each of ${count(sample.total)} records at random, as ${why}${hash}` };
}
