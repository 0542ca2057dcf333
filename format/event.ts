import * as v from "valibot";
import { FormatError, show } from "./errors.ts";
import { logLine } from "./log-line.ts";
import { parseJson, parseWith } from "./parse.ts";
import { REQUEST_ID_FORM } from "./request-id.ts";
import { LogTimeSchema } from "./time.ts";

// A line of the event log: what became of an item of a list that was shown. `event.schema.json` is generated from this
// schema. A change of it is a new version.

export const EVENT_VERSION = 1;

export const EVENT_TYPES = ["click", "conversion", "revenue"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const HOUR_MS = 3_600_000;
/** Milliseconds after its list was shown until which an event of a type counts. */
export const EVENT_AGE_MS: Readonly<Record<EventType, number>> = {
  click: 24 * HOUR_MS,
  conversion: 7 * 24 * HOUR_MS,
  revenue: 7 * 24 * HOUR_MS,
};

/** What an event is worth at most, gained or lost: with more, sums of squares over a log would not stay finite. */
export const MAX_EVENT_VALUE = 1e15;

const about = v.description;

/** What whoever sends an event says of it. */
export const eventMembers = {
  id: v.pipe(
    v.string(),
    v.regex(REQUEST_ID_FORM, "expected a signed request id"),
    about("The signed id of the request whose list it is about."),
  ),
  type: v.pipe(v.picklist(EVENT_TYPES), about("What happened.")),
  item: v.pipe(v.string(), v.minLength(1), v.maxLength(1024), about("The item of that list.")),
  value: v.exactOptional(
    v.pipe(
      v.number(),
      v.minValue(-MAX_EVENT_VALUE),
      v.maxValue(MAX_EVENT_VALUE),
      about("What it is worth, in the currency of the site. Revenue needs it."),
    ),
  ),
  key: v.exactOptional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(64),
      about("Tells two events of one type and item apart, such as two orders. Events that agree in it are one."),
    ),
  ),
};

export const ListEventSchema = v.strictObject({
  v: v.pipe(v.literal(EVENT_VERSION), about("The version of this schema.")),
  ...eventMembers,
  t: v.pipe(LogTimeSchema, about("When it happened, by the sender's clock, in milliseconds since the epoch.")),
  received: v.pipe(LogTimeSchema, about("When the Worker received it, by its own clock.")),
});

/** What became of an item that was shown. */
export type ListEvent = v.InferOutput<typeof ListEventSchema>;

/** The line of an event, without its line end. */
export function writeEvent(event: ListEvent): string {
  return logLine(event);
}

/** Reads a line. Throws FormatError that names the place within `source`, what was got and what was expected. */
export function parseEvent(line: string, source = "event"): ListEvent {
  const input = parseJson(line, source);
  const version = typeof input === "object" && input !== null ? (input as { v?: unknown }).v : undefined;
  if (version !== undefined && version !== EVENT_VERSION)
    throw new FormatError(`${source}: v`, `got version ${show(version)}, expected ${EVENT_VERSION}`);
  const event = parseWith(ListEventSchema, input, source);
  checkValue(event, source);
  return event;
}

/** Throws FormatError where what is said to be revenue has no value. */
export function checkValue({ type, value }: Pick<ListEvent, "type" | "value">, source: string): void {
  if (type === "revenue" && value === undefined)
    throw new FormatError(`${source}: value`, "got none, expected what the revenue is");
}
