/** A time as a text states it. */
export interface StatedTime {
  /** Milliseconds since 1970 of the date and the time of day, read as if they were UTC's. */
  wall: number;
  /** Microseconds after that. */
  microseconds: number;
  /** Seconds that its own offset is ahead of UTC; null where it has none. */
  offset: number | null;
}

/** Characters of the longest text that is taken for a time: with all fractions that are written, some 40. */
const MAX_CHARACTERS = 64;

/** Year, month, day; hour, minute, second, fraction; offset: ISO 8601 and what is often written in its place. */
const TIME =
  /^(\d{4,6})[-/](\d{1,2})[-/](\d{1,2})(?:[T ] *(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)? *(Z|UTC|GMT|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?$/i;
const OFFSET = /^([+-])(\d{2}):?(\d{2})?:?(\d{2})?$/;

/** The text of a time without white space around it; null where it is longer than any time is. */
export function timeText(text: string): string | null {
  const trimmed = text.trim();
  return trimmed.length <= MAX_CHARACTERS ? trimmed : null;
}

/** The time that a text of ISO 8601 states; null where it states none. */
export function statedTime(text: string): StatedTime | null {
  const match = TIME.exec(timeText(text) ?? "");
  if (!match) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0));
  const [, , , , , , , fraction = "", zone] = match;
  const wall = wallTime({ year, month, day, hour, minute, second });
  const offset = zone === undefined ? null : offsetSeconds(zone);
  if (wall === null || offset === undefined) return null;
  return { wall, microseconds: microsecondsOf(fraction), offset };
}

export interface WallClock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

/**
 * Milliseconds since 1970, as if in UTC; null where there is no such day or time of day. 24:00:00 is the next day's
 * midnight, and second 60, a leap second, the next minute's beginning.
 */
export function wallTime({ year, month, day, hour, minute, second }: WallClock): number | null {
  const midnight = new Date(Date.UTC(2000, month - 1, day));
  midnight.setUTCFullYear(year, month - 1, day); // Date.UTC takes years below 100 for those of the 20th century
  // A day that its month lacks has become one of another month.
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return null;
  const inDay = hour * 3600 + minute * 60 + second;
  if (minute > 59 || second > 60 || inDay > 86_400) return null;
  return midnight.getTime() + 1000 * inDay;
}

/** The first six digits of a fraction of a second. */
export function microsecondsOf(fraction: string): number {
  return Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** The seconds of an offset such as Z, +02 or +0530; undefined where there is no such offset. */
export function offsetSeconds(zone: string): number | undefined {
  const match = OFFSET.exec(zone);
  if (!match) return 0;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(2).map((digits) => Number(digits ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return (match[1] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
}
