import * as v from "valibot";

/** Milliseconds since the epoch: the last time that a Date can have. */
export const MAX_TIME = 8.64e15;

/** Milliseconds since the epoch: the end of the year 9999. RFC 3339, and so JSON Schema, has no later one. */
export const MAX_LOG_TIME = 253_402_300_799_999;

/** A time in milliseconds since the epoch. */
export const TimeSchema = timeUpTo(MAX_TIME);

/** A time in the log of exposures and events. */
export const LogTimeSchema = timeUpTo(MAX_LOG_TIME);

function timeUpTo(most: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
}
