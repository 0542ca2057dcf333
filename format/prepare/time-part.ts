import { numberOf, type RawValue, textOf } from "../raw-value.ts";
import type { TimeStep } from "./steps.ts";
import { timeReader } from "./time-format.ts";
import { type StatedTime, statedTime } from "./time-text.ts";
import { zoneOffset } from "./time-zone.ts";

/** Milliseconds since 1970 of the years 0001 to 9999, in UTC. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;
/** Numbers without a unit are seconds of the years 1973 to 5138, or none: days, milliseconds and digits of dates. */
const SECONDS = { least: 1e8, most: 1e11 };

/** What a step takes of a time: a number, or a text for its date; null where the value is no time. */
export function timePart({ time: part, zone, format, unit }: TimeStep): (raw: RawValue) => number | string | null {
  const offsetOf = zoneOffset(zone);
  const read = format === undefined ? statedTime : timeReader(format);
  return (raw) => {
    const wall = wallOf(raw);
    if (wall === null || wall < FIRST_MS || wall > LAST_MS) return null;
    const date = new Date(wall);
    switch (part) {
      case "hour":
        return date.getUTCHours();
      case "weekday":
        return date.getUTCDay() || 7;
      case "day":
        return date.getUTCDate();
      case "month":
        return date.getUTCMonth() + 1;
      case "date":
        return date.toISOString().slice(0, 10);
    }
  };

  /** Milliseconds of the zone's wall clock, as if it were UTC's. */
  function wallOf(raw: RawValue): number | null {
    if (typeof raw === "boolean" || typeof raw === "object") return null;
    if (format === undefined) {
      const x = numberOf(raw) ?? Number.NaN;
      if (!Number.isNaN(x)) return wallOfNumber(x);
    }
    const stated: StatedTime | null = read(textOf(raw) ?? "");
    if (stated === null) return null;
    return stated.offset === null ? stated.wall : inZone(stated.wall - 1000 * stated.offset);
  }

  function wallOfNumber(x: number): number | null {
    if (unit === undefined && !(x >= SECONDS.least && x <= SECONDS.most)) return null;
    return inZone(unit === "ms" ? x : 1000 * x);
  }

  function inZone(time: number): number | null {
    if (!(time >= FIRST_MS && time <= LAST_MS)) return null;
    return time + offsetOf(time);
  }
}

/** The times that a step reads, as an error says it. */
export function expectedTime({ format, unit }: TimeStep): string {
  if (format !== undefined) return `a time of the form ${JSON.stringify(format)}`;
  if (unit !== undefined)
    return `a date or time of ISO 8601, or ${unit === "s" ? "seconds" : "milliseconds"} since 1970 of years 1 to 9999`;
  return 'a date or time of ISO 8601, or seconds since 1970 of years 1973 to 5138 ("unit" and "format" allow others)';
}
