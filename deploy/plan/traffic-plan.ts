import { Random } from "../../trainer/data/random.ts";
import { percentile } from "../../trainer/metrics/percentile.ts";
import { emptyTally, type IsolateLimits, PlannedIsolate, type Tally } from "../../trainer/plan/planned-isolate.ts";
import type { PlannedModel } from "../../trainer/plan/planned-model.ts";
import {
  type ItemFields,
  type PlannedRecords,
  type PlannedRequest,
  rankRequests,
  scoreRequests,
} from "../../trainer/plan/planned-records.ts";
import type { RowLayout } from "../../trainer/plan/planned-rows.ts";
import { PAGE_READ, type PageSource } from "../cost.ts";

/** What requests of one shape do, once an isolate has had as many before. */
export interface TrafficPlan {
  /** Requests that went before, and those that were counted. */
  warmUp: number;
  requests: number;
  lookups: number;
  /** Keys that each of the first YOUNG_REQUESTS requests of an isolate reads, in the mean. */
  youngKeys: number;
  keys: Spread;
  /** Bytes of the pages that a request reads. */
  bytes: Spread;
  /** Shares of the look-ups, which add up to 1. */
  tiers: Record<"blob" | "isolate" | "absent" | "source" | "beyondLimit", number>;
  dollarsPerMillion: Record<PageSource, number>;
}

export interface Spread {
  mean: number;
  p95: number;
}

/** Look-ups of the requests that are simulated for one layout: seconds of work for a handful of layouts. */
const LOOKUPS = 2_000_000;
/** Even where the log has too few records for them: two before and two that count. */
const LEAST_REQUESTS = 4;
/** Requests of an isolate that has just started. */
export const YOUNG_REQUESTS = 100;
const SEED = 1;

/** A shape of requests: `candidates` is null where a request scores one record. */
export function planTraffic(
  model: PlannedModel & { limits: IsolateLimits },
  layout: RowLayout,
  records: PlannedRecords,
  candidates: number | null,
): TrafficPlan {
  const isolate = new PlannedIsolate(model.rows, layout, model.limits);
  const count = requestsOf(records, model.isItem, candidates);
  const warmUp = Math.floor(count / 2);
  const before = emptyTally();
  for (const request of requests(records, model.isItem, candidates, 0, warmUp))
    isolate.request(records, request, before);
  const youngKeys = spreadOf(before.keys.slice(0, YOUNG_REQUESTS)).mean;
  const tally = emptyTally();
  for (const request of requests(records, model.isItem, candidates, warmUp, count - warmUp))
    isolate.request(records, request, tally);
  return { warmUp, youngKeys, ...trafficOf(tally) };
}

/** What a tally of requests says. */
export function trafficOf(tally: Tally): Omit<TrafficPlan, "warmUp" | "youngKeys"> {
  const { lookups, blob, isolate, absent, source, beyondLimit } = tally;
  const keys = spreadOf(tally.keys);
  const share = (of: number): number => of / Math.max(1, lookups);
  const dollars = (of: PageSource): number => 1e6 * keys.mean * PAGE_READ[of];
  return {
    requests: tally.keys.length,
    lookups,
    keys,
    bytes: spreadOf(tally.bytes),
    tiers: {
      blob: share(blob),
      isolate: share(isolate),
      absent: share(absent),
      source: share(source),
      beyondLimit: share(beyondLimit),
    },
    dollarsPerMillion: { kv: dollars("kv"), r2: dollars("r2"), assets: dollars("assets") },
  };
}

function requests(
  records: PlannedRecords,
  isItem: ItemFields,
  candidates: number | null,
  first: number,
  count: number,
): Iterable<PlannedRequest> {
  if (candidates === null) return scoreRequests(records, first, count);
  const order = Uint32Array.from({ length: records.count }, (_, i) => i);
  new Random(SEED).shuffle(order);
  return rankRequests(records, isItem, { first, count, candidates }, order);
}

/**
 * How many requests are simulated: no more look-ups than LOOKUPS, and each record's item once at most, since an item
 * that comes again because the log is short would be cached as it is nowhere else.
 */
function requestsOf({ count, fields, offsets }: PlannedRecords, isItem: ItemFields, candidates: number | null): number {
  const entries = (offsets.at(-1) ?? 0) / count;
  if (candidates === null) return Math.min(count, Math.ceil(LOOKUPS / entries));
  const itemShare = isItem.filter(Boolean).length / fields;
  const lookups = 1 + entries * (1 - itemShare + itemShare * candidates);
  const fresh = Math.floor(count / Math.max(1, candidates));
  return Math.max(LEAST_REQUESTS, Math.min(fresh, Math.ceil(LOOKUPS / lookups)));
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const sum = sorted.reduce((a, b) => a + b, 0);
  return {
    mean: sum / Math.max(1, sorted.length),
    p95: sorted.length > 0 ? percentile(sorted, 0.95) : 0,
  };
}
