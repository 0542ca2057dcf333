import { show } from "../../format/errors.ts";
import type { Column, Reading } from "./column.ts";
import type { LabelChoice } from "./label.ts";
import { isPositionName, isThingName, isWeightName } from "./names.ts";
import type { NumberStyle } from "./numbers.ts";

// How all of a log's numbers are written, where one style reads them: `data.decimal` and `data.thousands`.

export type NumberReading = Extract<Reading, { kind: "number" }>;

/** From here on whole numbers are ids, whatever their column is called. */
export const LARGE = 1e9;

/** Whether numbers are names of things. */
export function isCategorical({ name }: Column, { facts, padded, style, mark }: NumberReading): boolean {
  if (isPositionName(name)) return false;
  return facts.whole && style === null && mark === null && (padded || isThingName(name) || facts.median >= LARGE);
}

/** Columns in one style from which on it is the log's, and no longer that of a field. */
const SEVERAL = 2;

/**
 * The style of all numbers of a log, or else that of its label or weights, which have no steps of their own. Null where
 * fields that are written otherwise than by programs say so themselves.
 */
export function logNumbers(columns: readonly Column[], label: LabelChoice): NumberStyle | null {
  const numbers = columns.flatMap((column) => {
    const { reading } = column;
    if (reading.kind === "time") return reading.style.unit ? [{ column, style: null, own: false }] : [];
    if (reading.kind !== "number" || isCategorical(column, reading)) return [];
    return [{ column, style: reading.style, own: column !== label.column && !isWeightName(column.name) }];
  });
  const written = numbers.flatMap(({ style }) => style ?? []);
  const withoutSteps = numbers.find(({ style, own }) => style !== null && !own)?.style;
  const [first] = written;
  if (!first || (written.length < SEVERAL && !withoutSteps)) return null;
  const thousands = written.find((style) => style.thousands !== undefined)?.thousands;
  const common = { decimal: first.decimal, ...(thousands !== undefined && { thousands }) };
  const isCommon = numbers.every(({ column, style }) => isRead(column, style, common));
  return isCommon ? common : (withoutSteps ?? null);
}

/** Whether a log's style reads a column's numbers, which are in a style of their own, or as programs write them. */
export function isRead({ values }: Column, style: NumberStyle | null, log: NumberStyle | null): boolean {
  if (style === null) return log === null || log.decimal === "." || !values.some((text) => text.includes("."));
  return style.decimal === log?.decimal && (style.thousands === undefined || style.thousands === log.thousands);
}

/** A style in words. */
export function separatorsText({ decimal, thousands }: NumberStyle): string {
  return `${show(decimal)} before the fraction${thousands === undefined ? "" : ` and ${show(thousands)} between thousands`}`;
}
