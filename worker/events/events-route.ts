import type { Context } from "hono";
import { counted } from "../../format/counted.ts";
import { FormatError, RequestError } from "../../format/errors.ts";
import type { ListEvent } from "../../format/event.ts";
import type { MacKeys } from "../../format/mac.ts";
import { parseWith } from "../../format/parse.ts";
import { macKeysOf } from "../access/mac-keys.ts";
import type { AppEnv } from "../app-env.ts";
import { RateLimitError, SettingError } from "../http/errors.ts";
import * as problems from "../http/problem.ts";
import { MAX_ERRORS } from "../limits.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import type { RouteOptions } from "../route-options.ts";
import { keepAliveOf } from "../routes/current-model.ts";
import type { RateLimiter } from "../rows/key-allowance.ts";
import { mayReport } from "./event-limit.ts";
import { EventsOutline } from "./events-body.ts";
import { judgeEvent } from "./judge-event.ts";
import { readShortJson } from "./read-body.ts";

/**
 * POST /v1/events: what became of items of lists that this Worker has shown. A signed request id is what lets a page
 * report, so that no token is needed. Each event is judged by itself, and those that are right are logged even where
 * others of the body are refused: to send one again does no harm.
 */
export function eventsRoute({ logSettings, events, memory, now }: RouteOptions) {
  return async function report(c: Context<AppEnv>): Promise<Response> {
    const values = logSettings.read(c.env);
    const { eventSink, eventRateLimit } = values;
    if (!eventSink)
      throw new SettingError("EXPOSURES: got no queue that takes events, expected one, or a pipeline EVENT_PIPELINE");
    const keys = macKeysOf(values);
    using lease = memory.lease("requests");
    const body = await readShortJson(c.req.raw, lease);
    const { events: reported } = RequestError.during(() => parseWith(EventsOutline, body, "body"));
    const judged = reported.map((event, i) => judgedAt(i, event, keys, now()));
    const right = judged.filter((one): one is ListEvent => !(one instanceof FormatError));
    const allowed = await allowedBy(eventRateLimit, right);
    const isTaken = allowed.map((event) => events.write(event, c.env, keepAliveOf(c)));
    const accepted = isTaken.filter(Boolean).length;
    const error = refusal(judged, { limited: right.length - allowed.length, lost: allowed.length - accepted });
    if (error === null) return c.json({ accepted });
    return problems.respond(c, { ...problems.toProblem(error), ...titleOf(error), accepted }, error);
  };
}

/** The event, or what is wrong with it. */
function judgedAt(i: number, event: unknown, keys: MacKeys, now: number): ListEvent | FormatError {
  try {
    return judgeEvent(event, keys, now, `events[${i}]`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return new FormatError(error.place.replace("]: ", "]."), error.problem);
  }
}

/** The events of those ids that have not reached the limit. A limit that fails allows. */
async function allowedBy(limiter: RateLimiter | null, events: readonly ListEvent[]): Promise<ListEvent[]> {
  const byId = Map.groupBy(events, ({ id }) => id);
  const checked = await Promise.all(
    Array.from(byId, async ([id, some]) => ((await mayReport(limiter, id, some.length)) ? some : [])),
  );
  return checked.flat();
}

/** Why not all events were taken. What is wrong with some comes before what the client may try again. */
function refusal(
  judged: readonly (ListEvent | FormatError)[],
  { limited, lost }: { limited: number; lost: number },
): Error | null {
  const [first, ...others] = judged.filter((one) => one instanceof FormatError).slice(0, MAX_ERRORS);
  if (first) return new RequestError(first.place, first.problem, others);
  if (limited > 0)
    return new RateLimitError(`got ${counted(limited, "event")} of requests that have had theirs of this minute`);
  if (lost > 0) return new OverloadedError(`there was no room for ${counted(lost, "event")} now`, false);
  return null;
}

function titleOf(error: Error): { title: string } | object {
  return error instanceof RequestError ? { title: "Events are refused" } : {};
}
