import { columnOf, type FieldOrigin } from "../columns.ts";
import { FormatError, show } from "../errors.ts";
import { type RawValue, textOf } from "../raw-value.ts";
import { pieces } from "../separated.ts";
import { preparation } from "./preparation.ts";
import type { Step } from "./steps.ts";

/** What the values of a field are prepared by. */
export interface PreparedOrigin extends FieldOrigin {
  type: string;
  prepare?: readonly Step[];
  separator?: string;
  maxValues?: number;
}

/** Whoever is told how many bytes of memory are needed for a moment, before they are taken. It may throw. */
export interface Scratch {
  reserveScratch(bytes: number): void;
}
export const NO_SCRATCH: Scratch = { reserveScratch() {} };

/**
 * A value as a field's steps leave it; of a multi-valued field the list of those of its elements that count. Throws
 * FormatError at the value's column within `place`.
 */
export type Prepare = (raw: RawValue, place: string, scratch: Scratch) => RawValue;

/**
 * UTF-16 units of the longest text that steps take: with it, all that may come of one at once is within a request's
 * memory. Texts that are values, and lists of them, have some hundreds.
 */
const MAX_PREPARED_TEXT = 2 ** 16;

/** Units of a text of which no memory is reserved for what becomes of it. */
const SHORT_TEXT = 1024;

/** Bytes of a unit of a prepared text: itself, and the UTF-8 of which its row key is made. */
const UNIT_BYTES = 5;

/** Makes what prepares a field's values; null where it has no steps. */
export function preparer(field: PreparedOrigin): Prepare | null {
  const { name, type, prepare } = field;
  if (!prepare) return null;
  const { value, elements, growth } = preparation(prepare, type);
  const { separator = "", maxValues = 1 } = field;

  const each = (raw: RawValue): RawValue => {
    refuseLong(raw);
    return value(raw);
  };
  const listOf = (raw: RawValue): RawValue[] => {
    if (!Array.isArray(raw)) refuseLong(raw);
    const all = Array.isArray(raw) ? raw : elements ? elements(raw) : pieces(cellText(raw), separator);
    const kept: RawValue[] = [];
    for (const element of all) {
      // A text is a list to its end or none, so that what makes one is not cut off there.
      if (kept.length === maxValues && (Array.isArray(raw) || !elements)) break;
      const prepared = kept.length === maxValues ? null : each(element);
      if (prepared !== null && prepared !== undefined && prepared !== "") kept.push(prepared);
    }
    return kept;
  };
  const ready = type === "multi-categorical" ? listOf : each;
  return (raw, place, scratch) => {
    const units = unitsOf(raw);
    if (units > SHORT_TEXT) scratch.reserveScratch(UNIT_BYTES * growth * units);
    try {
      return ready(raw);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const where = error.place === "" ? "" : ` (${error.place} of the field ${show(name)})`;
      throw new FormatError(`${place}.${columnOf(field)}`, `${error.problem}${where}`);
    }
  };
}

function unitsOf(raw: RawValue): number {
  if (typeof raw === "string") return raw.length;
  return Array.isArray(raw) ? raw.reduce((sum: number, element) => sum + unitsOf(element), 0) : 0;
}

function cellText(raw: RawValue): string {
  const text = textOf(raw);
  if (text !== null) return text;
  throw new FormatError("", `got ${show(raw)}, expected a string, a number, true, false, null or a list of those`);
}

function refuseLong(raw: RawValue): void {
  if (typeof raw !== "string" || raw.length <= MAX_PREPARED_TEXT) return;
  throw new FormatError("", `got a text of ${raw.length} characters, expected at most ${MAX_PREPARED_TEXT} to prepare`);
}
