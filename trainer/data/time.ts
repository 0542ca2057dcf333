import { numberOf, type RawValue } from "../../format/raw-value.ts";

/** Year, month, day; hour, minute, second, fraction; offset: ISO 8601 and what is often written in its place. */
const TIME =
  /^\s*(\d{4,6})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?\s*$/i;
const OFFSET = /^([+-])(\d{2}):?(\d{2})?:?(\d{2})?$/;

/**
 * The time that a value means, as a number by which records are ordered: a number itself, otherwise the seconds since
 * 1970 of a date or time stamp, to the microsecond. One without an offset is in UTC. Null where it means no time.
 */
export function timeOf(raw: RawValue): number | null {
  if (typeof raw === "boolean") return null;
  const x = numberOf(raw);
  if (x === null || !Number.isNaN(x)) return x;
  return typeof raw === "string" ? secondsOf(raw) : null;
}

function secondsOf(text: string): number | null {
  const match = TIME.exec(text);
  if (!match) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0));
  const [, , , , , , , fraction = "", zone = ""] = match;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  if (year < 100) midnight.setUTCFullYear(year); // which Date.UTC takes for one of the 20th century
  // A day that its month lacks has become one of another month.
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return null;
  // 24:00:00 is the next day's midnight, and second 60 is a leap second.
  const inDay = hour * 3600 + minute * 60 + second;
  if (minute > 59 || second > 60 || inDay > 86_400) return null;
  const offset = offsetOf(zone);
  if (offset === null) return null;
  const microseconds = Number(fraction.padEnd(6, "0").slice(0, 6));
  return ((midnight.getTime() / 1000 + inDay - offset) * 1e6 + microseconds) / 1e6;
}

/** An offset's seconds; null where there is no such offset. */
function offsetOf(zone: string): number | null {
  const match = OFFSET.exec(zone);
  if (!match) return 0;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(2).map((digits) => Number(digits ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  return (match[1] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
}
