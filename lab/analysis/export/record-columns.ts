import { columnOf, columnsOf } from "../../../format/columns.ts";
import type { Exposure } from "../../../format/exposure.ts";
import { ownValue } from "../../../format/own-value.ts";
import { textOf } from "../../../format/raw-value.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { rawRecord } from "../../../trainer/data/raw-record.ts";
import { UserError } from "../../../trainer/errors.ts";
import { openCatalogue } from "../../../trainer/export/items.ts";
import { itemField } from "../../../trainer/model/popularity.ts";
import type { TrainingRecord } from "./training-records.ts";

/** Names under which a record has what its list was; a spec that names one as a column gets it. */
const ABOUT_THE_LIST = ["request", "unit", "arm", "slot", "time"];

/** Makes records of lists, with a spec's columns. */
export class RecordColumns {
  readonly #spec: FeatureSpec;
  readonly #weight: string | null;
  /** Column of the item's id, those of items, and those of the context. */
  readonly #id: string;
  readonly #items: readonly string[];
  readonly #context: readonly string[];
  readonly #found = new Set<string>();

  /** `weights`: whether records have a column of weights. */
  constructor(spec: FeatureSpec, weights: boolean) {
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

  /** A record of one of a list's items. `known`: what the catalogue says of it. */
  record(exposure: Exposure, { slot, item, label, weight }: TrainingRecord, known: object): Record<string, unknown> {
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
export async function readCatalogue(spec: FeatureSpec, paths: readonly string[]): Promise<Map<string, object>> {
  await using log = await openCatalogue(spec, paths);
  const names = columnsOf(spec.fields.filter(({ side }) => side === "item"));
  const id = names.indexOf(idColumn(spec));
  const items = new Map<string, object>();
  for await (const { rows, columns } of log.chunks(names))
    for (let row = 0; row < rows; row++) items.set(textOf(columns[id][row]) ?? "", rawRecord(names, columns, row));
  return items;
}
