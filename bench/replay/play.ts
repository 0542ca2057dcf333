// The same requests, one after the other, through the Worker and through the planner's isolate.
import { emptyTally, type PlannedIsolate } from "../../trainer/plan/planned-isolate.ts";
import {
  type PlannedRecords,
  type PlannedRequest,
  rankRequests,
  scoreRequests,
} from "../../trainer/plan/planned-records.ts";
import type { ReplayLog } from "./model.ts";
import type { Replayed } from "./replayed.ts";

/** What plays a log: both have seen the same requests. */
export interface Players {
  log: ReplayLog;
  planned: PlannedIsolate;
  worker: Replayed;
}

export interface Requests {
  /** Null: a request scores one record. */
  candidates: number | null;
  /** Requests before those that are counted. */
  before: number;
  counted: number;
}

/** Of a request, in the mean. */
export interface Counted {
  keys: number;
  /** The share of look-ups that never leave the isolate. */
  here: number;
}

export interface Played {
  planned: Counted;
  replayed: Counted;
  /** Of the keys, as a share of those that were replayed. */
  difference: number;
}

/** The most that what is planned may differ from what is replayed. */
export const MOST_DIFFERENCE = 0.15;
/** Where requests read fewer keys than that, the difference is not a share of them: none may be read at all. */
const LEAST_KEYS = 0.01;

export async function play({ log, planned, worker }: Players, requests: Requests): Promise<Played> {
  const { candidates, before, counted } = requests;
  for (const { records, request } of requestsOf(log, candidates, before)) {
    planned.request(records, request, emptyTally());
    await worker.send(records, request);
  }
  const tally = emptyTally();
  const seen = { keys: 0, here: 0, lookups: 0 };
  for (const { records, request } of requestsOf(log, candidates, counted)) {
    planned.request(records, request, tally);
    const { keys, blob, isolate } = await worker.send(records, request);
    seen.keys += keys;
    seen.here += blob + isolate;
    seen.lookups += request.entries.length;
  }
  const of = (keys: number, here: number, lookups: number): Counted => ({ keys: keys / counted, here: here / lookups });
  const plan = of(
    tally.keys.reduce((a, b) => a + b, 0),
    tally.blob + tally.isolate + tally.absent,
    tally.lookups,
  );
  const replayed = of(seen.keys, seen.here, seen.lookups);
  const difference = Math.abs(plan.keys - replayed.keys) / Math.max(replayed.keys, LEAST_KEYS);
  return { planned: plan, replayed, difference };
}

/** Requests of records that are drawn a few at a time. */
function* requestsOf(
  log: ReplayLog,
  candidates: number | null,
  count: number,
): Generator<{ records: PlannedRecords; request: PlannedRequest }> {
  for (let i = 0; i < count; i++) {
    const records = log.draw(candidates ?? 1);
    const order = Uint32Array.from({ length: records.count }, (_, record) => record);
    const shape = { first: 0, count: 1, candidates: candidates ?? 1 };
    const requests =
      candidates === null ? scoreRequests(records, 0, 1) : rankRequests(records, [true, false], shape, order);
    for (const request of requests) yield { records, request };
  }
}
