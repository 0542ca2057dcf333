import * as v from "valibot";
import { eventMembers } from "../../format/event.ts";
import { LogTimeSchema } from "../../format/time.ts";
import { MAX_EVENTS } from "./limits.ts";

const about = v.description;

/** An event as a page or a server reports it. */
export const ReportedEvent = v.strictObject({
  ...eventMembers,
  t: v.exactOptional(
    v.pipe(LogTimeSchema, about("When it happened, in milliseconds since the epoch. Default: when it is received.")),
  ),
  receipt: v.exactOptional(
    v.pipe(v.string(), v.maxLength(4096), about("The list's receipt: the item must be one of it then.")),
  ),
});

export type ReportedEvent = v.InferOutput<typeof ReportedEvent>;

export const EventsBody = v.strictObject({
  events: v.pipe(v.array(ReportedEvent), v.minLength(1), v.maxLength(MAX_EVENTS)),
});

/** The form of a body whose events are still to be checked, each by itself. */
export const EventsOutline = v.strictObject({
  events: v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(MAX_EVENTS)),
});
