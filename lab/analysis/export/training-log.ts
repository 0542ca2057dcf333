import { columnOf, columnsOf } from "../../../format/columns.ts";
import { FormatError, show } from "../../../format/errors.ts";
import type { Exposure } from "../../../format/exposure.ts";
import { ownValue } from "../../../format/own-value.ts";
import { type RawValue, textOf } from "../../../format/raw-value.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { UserError } from "../../../trainer/errors.ts";
import { openCatalogue } from "../../../trainer/export/items.ts";
import { WholeFile } from "../../../trainer/io/files.ts";
import { itemField } from "../../../trainer/model/popularity.ts";
import { makeWholeCohort } from "../experiment/cohort.ts";
import { ExperimentLog } from "../log/experiment-log.ts";
import { exposuresOf } from "../log/exposure-lines.ts";
import { type Labels, type TrainingRecord, trainingRecords } from "./training-records.ts";

// A click log out of exposures and events: a record for each item of a list that may have been seen, with the columns
// of a feature spec.

export interface TrainingLogOptions {
  logs: readonly string[];
  spec: FeatureSpec;
  /** Where the log is written, as JSON lines. */
  out: string;
  /** The catalogue that has the columns of items, by the spec's item field. */
  items?: readonly string[] | undefined;
  labels: Labels;
  /** Whether records have a column of weights. */
  weights: boolean;
  /** The first slots of a list that may have been seen. */
  slots: number;
  /** Only this experiment; all of them by default. */
  experiment?: string | undefined;
  /** Only these arms; all of them by default. */
  arms?: readonly string[] | undefined;
  temporary?: string | undefined;
}

/** What an arm gave. */
export interface ArmRecords {
  arm: string;
  lists: number;
  records: number;
  clicks: number;
}

export interface TrainingLogSummary {
  arms: ArmRecords[];
  /** Lines that the schema of exposures refuses, or whose items the catalogue lacks, are none of the log. */
  refusedLines: number;
  unknownItems: number;
  warnings: string[];
}

/** Names under which a record has what its list was; a spec that names one as a column gets it. */
const ABOUT_THE_LIST = ["request", "unit", "arm", "slot", "time"];

/** Writes the log. Throws FormatError where there is no list to learn from, and UserError where the spec cannot be. */
export async function exportTrainingLog(options: TrainingLogOptions): Promise<TrainingLogSummary> {
  const { logs, spec, out, experiment, arms } = options;
  if (Object.keys(spec.data.select).length > 0)
    throw new UserError("got a spec with data.select, expected one whose fields read columns as they are logged");
  const columns = new Columns(spec, options);
  await using log = await ExperimentLog.open(logs, options.temporary ? { temporary: options.temporary } : {});
  await makeWholeCohort(log.lines, experiment);
  const catalogue = options.items ? await readCatalogue(spec, options.items) : null;
  const clicks = await clickedSlots(log);
  const byArm = new Map<string, ArmRecords>();
  const summary: TrainingLogSummary = { arms: [], refusedLines: 0, unknownItems: 0, warnings: [] };
  using file = new WholeFile(out);
  for await (const exposure of exposuresOf(log.lines, "SELECT row FROM list")) {
    if (exposure === null) {
      summary.refusedLines++;
      continue;
    }
    if (arms && !arms.includes(exposure.arm)) continue;
    const own = byArm.get(exposure.arm) ?? { arm: exposure.arm, lists: 0, records: 0, clicks: 0 };
    byArm.set(exposure.arm, own);
    own.lists++;
    for (const record of trainingRecords(exposure, clicks.get(exposure.id) ?? NOTHING, options)) {
      const item = catalogue ? catalogue.get(exposure.cand[record.item]) : {};
      if (item === undefined) {
        summary.unknownItems++;
        continue;
      }
      file.write(`${JSON.stringify(columns.record(exposure, record, item))}\n`);
      own.records++;
      own.clicks += record.label;
    }
  }
  summary.arms = [...byArm.values()].sort((a, b) => (a.arm < b.arm ? -1 : 1));
  if (!summary.arms.some(({ records }) => records > 0))
    throw new FormatError(logs.join(", "), "got no list to learn from");
  file.finish();
  summary.warnings = columns.absent.map((name) => `no list has the column ${show(name)}: it is missing in all records`);
  return summary;
}

const NOTHING: ReadonlySet<number> = new Set();

/** Makes records with a spec's columns. */
class Columns {
  readonly #spec: FeatureSpec;
  readonly #weight: string | null;
  /** Column of the item's id, those of items, and those of the context. */
  readonly #id: string;
  readonly #items: readonly string[];
  readonly #context: readonly string[];
  readonly #found = new Set<string>();

  constructor(spec: FeatureSpec, { weights }: TrainingLogOptions) {
    this.#spec = spec;
    this.#weight = weights ? (spec.data.weight ?? "weight") : null;
    this.#id = idColumn(spec);
    const ofItems = columnsOf(spec.fields.filter(({ side }) => side === "item"));
    this.#items = ofItems.filter((name) => name !== this.#id);
    this.#context = columnsOf(spec.fields).filter((name) => !ofItems.includes(name));
  }

  /** Columns of the spec that no record had. */
  get absent(): string[] {
    return [...this.#context, ...this.#items].filter((name) => !this.#found.has(name));
  }

  record(exposure: Exposure, { slot, item, label, weight }: TrainingRecord, known: object): object {
    const { ctx = {}, cand, id, u, arm, t } = exposure;
    const list: Record<string, unknown> = { request: id, unit: u, arm, slot, time: t };
    const values: Record<string, unknown> = { [this.#spec.label]: label };
    for (const name of this.#context) this.#set(values, name, ownValue(ctx, name) ?? ownValue(list, name));
    values[this.#id] = cand[item];
    for (const name of this.#items) this.#set(values, name, ownValue(known, name) ?? ownValue(ctx, name));
    if (this.#weight !== null) values[this.#weight] = weight;
    for (const name of ABOUT_THE_LIST) if (!(name in values)) values[name] = list[name];
    return values;
  }

  #set(values: Record<string, unknown>, name: string, value: unknown): void {
    if (value === undefined || value === null) return;
    this.#found.add(name);
    values[name] = value;
  }
}

/** The column whose values are the candidates' ids. */
function idColumn(spec: FeatureSpec): string {
  const field = spec.fields[itemField(spec)];
  const column = field && columnOf(field);
  if (!column) throw new UserError('got a spec without a field of the side "item" that names items, expected one');
  return column;
}

/** By id, as text: the columns of an item. */
async function readCatalogue(spec: FeatureSpec, paths: readonly string[]): Promise<Map<string, object>> {
  await using log = await openCatalogue(spec, paths);
  const names = columnsOf(spec.fields.filter(({ side }) => side === "item"));
  const id = names.indexOf(idColumn(spec));
  const items = new Map<string, object>();
  for await (const { rows, columns } of log.chunks(names))
    for (let row = 0; row < rows; row++)
      items.set(
        textOf(columns[id][row]) ?? "",
        Object.fromEntries(names.map((name, i) => [name, jsonValue(columns[i][row])])),
      );
  return items;
}

/** A value as JSON has it: an integer that a number would round becomes its text, which means the same. */
function jsonValue(value: RawValue): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

async function clickedSlots({ lines }: ExperimentLog): Promise<Map<string, Set<number>>> {
  const rows = await lines.rows<{ id: string; slot: number }>("SELECT id, slot FROM outcome WHERE type = 'click'");
  const slots = new Map<string, Set<number>>();
  for (const { id, slot } of rows) slots.set(id, (slots.get(id) ?? new Set()).add(slot));
  return slots;
}
