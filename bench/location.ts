// What the cache of a location saves (worker/source/location-cache.ts). Keys: eight isolates of one location share
// requests by Zipf's law of 1e6 rows, each with the Worker's own cache of rows; the keys a request that KV bills, with
// that cache and without. Processor time: the production build in workerd reads pages of each request from Workers KV,
// or from the cache, in turns; both are processes of their own. How long a read takes in production is not measured.
import { Random } from "../trainer/data/random.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import { emptyTally, PlannedIsolate, type PlannedLocation } from "../trainer/plan/planned-isolate.ts";
import { rankRequests, scoreRequests } from "../trainer/plan/planned-records.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { LOCATION_CACHE_PAGES, PAGES_PER_READ } from "../worker/limits.ts";
import { PageTimes } from "./location/page-times.ts";
import { benchOptions, option } from "./options.ts";
import { rounded } from "./ratio.ts";
import { ReplayLog, type ReplayModel, replayModel } from "./replay/model.ts";
import { JSON_FILE } from "./values.ts";

const ISOLATES = 8;
const CACHE_BYTES = 16 * 2 ** 20;
/** Rows of the blob, of a million. */
const HEAD_SHARE = 0.04;
/** The share of the requests, at the end, whose keys count. */
const COUNTED = 0.1;
const CASES = [
  { name: "score 1", candidates: null, keysPerRequest: 32 },
  { name: "rank 500", candidates: 500, keysPerRequest: 1000 },
] as const;

const options = benchOptions({
  "--rows <n>": option("rows of the model", integerWithin(1000, 1e8), 1_000_000),
  "--requests <n>": option("requests of all isolates, whose last tenth counts", integerWithin(100, 1e8), 20_000),
  "--rounds <n>": option("rounds in which KV and the cache take turns", integerWithin(1, 1000), 9),
  "--json <file>": JSON_FILE,
});
const { rows, requests, json } = options;
const model = replayModel({ values: Math.floor(rows / 2), headRows: Math.round(HEAD_SHARE * rows) });
const keys = CASES.map(({ name, ...shape }) => ({
  name,
  without: rounded(keysOf(model, shape, null)),
  with: rounded(keysOf(model, shape, { pages: new Set(), perRead: PAGES_PER_READ, mostAsked: LOCATION_CACHE_PAGES })),
}));
console.log(
  table(
    [`KV keys a request, ${ISOLATES} isolates`, "without", "with the location's cache"],
    keys.map((of) => [of.name, of.without.toFixed(3), of.with.toFixed(3)]),
  ),
);

await using times = await PageTimes.start();
const rounds: { kv: number; location: number }[] = [];
for (let round = 0; round < options.rounds; round++) rounds.push(await times.measure());
const microseconds = (source: "kv" | "location"): number =>
  rounded(1000 * median(rounds.map((round) => round[source])));
const time = { kv: microseconds("kv"), location: microseconds("location") };
console.log(
  table(
    ["µs of processor time a page", ""],
    Object.entries(time).map(([of, us]) => [of, us.toFixed(1)]),
  ),
);
if (json) writeWhole(json, toJson({ keys, microseconds: time }));

/** Mean of the keys that KV bills for a request, once the isolates are warm. */
function keysOf(
  replayed: ReplayModel,
  { candidates, keysPerRequest }: { candidates: number | null; keysPerRequest: number },
  location: PlannedLocation | null,
): number {
  const limits = { cacheBytes: CACHE_BYTES, keysPerRequest, ...(location && { location }) };
  const { rows, layout } = replayed;
  const isolates = Array.from({ length: ISOLATES }, () => new PlannedIsolate(rows, layout, limits));
  const log = new ReplayLog(replayed, 1);
  const random = new Random(2);
  const tally = emptyTally();
  for (let i = 0; i < requests; i++) {
    const records = log.draw(candidates ?? 1);
    const order = Uint32Array.from({ length: records.count }, (_, record) => record);
    const shape = { first: 0, count: 1, candidates: candidates ?? 1 };
    const all = candidates === null ? scoreRequests(records, 0, 1) : rankRequests(records, [true, false], shape, order);
    const isolate = isolates[Math.floor(ISOLATES * random.uniform())];
    for (const request of all) isolate.request(records, request, i < (1 - COUNTED) * requests ? emptyTally() : tally);
  }
  return tally.keys.reduce((sum, count) => sum + count, 0) / tally.keys.length;
}
