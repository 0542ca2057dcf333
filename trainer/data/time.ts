import { statedTime } from "../../format/prepare/time-text.ts";
import { numberOf, type RawValue } from "../../format/raw-value.ts";

/**
 * The time that a value means, as a number by which records are ordered: a number itself, otherwise the seconds since
 * 1970 of a date or time stamp, to the microsecond. One without an offset is in UTC. Null where it means no time.
 * `number`: what reads the log's numbers.
 */
export function timeOf(raw: RawValue, number: typeof numberOf = numberOf): number | null {
  if (typeof raw === "boolean") return null;
  const x = number(raw);
  if (x === null || !Number.isNaN(x)) return x;
  const time = typeof raw === "string" ? statedTime(raw) : null;
  if (time === null) return null;
  return ((time.wall / 1000 - (time.offset ?? 0)) * 1e6 + time.microseconds) / 1e6;
}
