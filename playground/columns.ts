import { columnOf } from "../format/columns.ts";
import { ownValue } from "../format/own-value.ts";
import type { Model } from "./api.ts";

export type RawRecord = Model["example"];
export type RawValue = RawRecord[string];

/** A key of a record, which one field or several take their values from. */
export interface Column {
  name: string;
  side: "context" | "item";
  kind: "number" | "text" | "list";
  /** What is to be written into it, in a few words. */
  hint: string;
}

/** The value of a column in a record, which an object may also have by its prototype: `constructor`. */
export function valueIn(record: RawRecord, name: string): RawValue | undefined {
  return ownValue(record, name) as RawValue | undefined;
}

/** The keys of a model's records, in the order of its fields. A cross has none of its own. */
export function columnsOf({ fields, example }: Model): Column[] {
  const columns = new Map<string, Column>();
  for (const field of fields) {
    const name = columnOf(field);
    if (name === null || columns.has(name)) continue;
    const own = fields.filter((other) => columnOf(other) === name);
    const kind = kindOf(valueIn(example, name));
    const feeds = own.map((other) => other.name).filter((other) => other !== name);
    const hint = [hintOf(kind, valueIn(example, name), own), feeds.length > 0 ? `for ${feeds.join(", ")}` : ""];
    columns.set(name, { name, side: field.side, kind, hint: hint.filter((part) => part !== "").join(", ") });
  }
  return [...columns.values()];
}

/** The columns of fields of which values were never seen; `unseen`: how many, by field. */
export function unseenColumns(fields: Model["fields"], unseen: Readonly<Record<string, number>>): string[] {
  const own = fields.filter(({ name }) => Object.hasOwn(unseen, name));
  return own.map((field) => columnOf(field)).filter((column) => column !== null);
}

/** The column whose values name the items of the model's catalogue; null for a model without one. */
export function catalogueColumn({ fields, items }: Model, columns: readonly Column[]): Column | null {
  const field = items && fields.find(({ name }) => name === items.field);
  return (field && columns.find(({ name }) => name === columnOf(field))) ?? null;
}

/** The part of a record that is of one side. */
export function sideOf(record: RawRecord, columns: readonly Column[], side: Column["side"]): RawRecord {
  return partOf(
    record,
    columns.filter((column) => column.side === side),
  );
}

/** The part of a record that is in some columns. */
export function partOf(record: RawRecord, columns: readonly Column[]): RawRecord {
  const own = new Set(columns.map(({ name }) => name));
  return Object.fromEntries(Object.entries(record).filter(([name]) => own.has(name)));
}

function kindOf(example: RawValue | undefined): Column["kind"] {
  return Array.isArray(example) ? "list" : typeof example === "number" ? "number" : "text";
}

function hintOf(kind: Column["kind"], example: RawValue | undefined, fields: Model["fields"]): string {
  const isTime = fields.some(({ prepare = [] }) => prepare.some((step) => isStep(step, "time")));
  if (isTime) return `time, as ${String(example)}`;
  return { number: "number", text: "text", list: "list: a, b" }[kind];
}

function isStep(step: unknown, name: string): boolean {
  return typeof step === "object" && step !== null && name in step;
}
