import * as v from "valibot";

/** Milliseconds since the epoch: the last time that a Date can have. */
export const MAX_TIME = 8.64e15;

/** A time in milliseconds since the epoch. */
export const TimeSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TIME));
