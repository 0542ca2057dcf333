/** A field's value as a log or a request states it. Text and JSON types mean the same: "17" is 17, "" is null. */
export type RawValue = string | number | bigint | boolean | null | undefined | readonly RawValue[];

// What a raw value means, as FORMAT.md, "Record encoding", defines it. Whatever judges values asks here: the encoder,
// and the trainer's reading of labels, weights and statistics and its division of a log.

/**
 * The canonical text of a value: "" where it is missing, null where it has none. None have a list, a number that is not
 * finite, and a float64 beyond 2^53, as JSON.parse rounds an integer there to another one, which would have the row of
 * another id.
 */
export function textOf(raw: RawValue): string | null {
  switch (typeof raw) {
    case "string":
      return raw;
    case "undefined":
      return "";
    case "boolean":
    case "bigint":
      return String(raw);
    case "number":
      return Number.isFinite(raw) && !isRounded(raw) ? String(raw) : null;
    default:
      return raw === null ? "" : null;
  }
}

/** Whether a number may stand for another integer, to which JSON.parse has rounded it. */
export function isRounded(raw: RawValue): boolean {
  return typeof raw === "number" && Number.isInteger(raw) && !Number.isSafeInteger(raw);
}

const DECIMAL = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;

/** The number that a value means: null where it is missing, NaN where it means none that float32 holds. */
export function numberOf(raw: RawValue): number | null {
  if (raw === null || raw === undefined || raw === "") return null;
  if (typeof raw === "boolean") return raw ? 1 : 0;
  const decimal = typeof raw === "string" ? DECIMAL.test(raw) : typeof raw !== "object";
  const x = decimal ? Number(raw) : Number.NaN;
  return Number.isFinite(Math.fround(x)) ? x : Number.NaN;
}

/**
 * The label that a value means, a number of 0 or 1; null where it means none. `number`: what reads the log's numbers.
 */
export function labelOf(raw: RawValue, number: typeof numberOf = numberOf): 0 | 1 | null {
  if (raw === "1") return 1;
  if (raw === "0") return 0;
  const x = number(raw);
  return x === 1 ? 1 : x === 0 ? 0 : null;
}
