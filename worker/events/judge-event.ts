import { checkValue, EVENT_AGE_MS, EVENT_VERSION, type ListEvent } from "../../format/event.ts";
import { checkReceipt } from "../../format/item-tags.ts";
import type { MacKeys } from "../../format/mac.ts";
import { parseWith } from "../../format/parse.ts";
import { checkRequestId } from "../../format/request-id.ts";
import { ReportedEvent } from "./events-body.ts";

/**
 * The event that somebody reports, as it is logged. Nothing is looked up: the id says that this Worker has shown the
 * list, and when. Throws FormatError that names the place within `source` where the event has another form, its id is
 * forged or too old for its type, or its receipt is not that of a list with the item.
 */
export function judgeEvent(input: unknown, keys: MacKeys, now: number, source: string): ListEvent {
  const { receipt, t = now, ...event } = parseWith(ReportedEvent, input, source);
  checkValue(event, source);
  checkRequestId(event.id, keys, { now, maxAge: EVENT_AGE_MS[event.type] }, `${source}.id`);
  if (receipt !== undefined) checkReceipt(receipt, keys, event, source);
  return { v: EVENT_VERSION, ...event, t, received: now };
}
