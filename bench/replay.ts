// Whether the Worker reads what the planner says: a log by Zipf's law is replayed, request by request, through the
// production build in workerd and through the planner's isolate. Exits with 1 where the keys that requests read differ
// by more than 15 %, or where a case reads more than it should. Nothing of it depends on time.
// `--requests`: a share of the 20,000 requests to rank that come before those that are counted; with less than 1, it is
// not asserted how many look-ups stay in the isolate.
//   npm run bench -- replay [--rows 1000000] [--requests 1] [--json FILE]
import { parseArgs } from "node:util";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { emptyTally, PlannedIsolate } from "../trainer/plan/planned-isolate.ts";
import {
  type PlannedRecords,
  type PlannedRequest,
  rankRequests,
  scoreRequests,
} from "../trainer/plan/planned-records.ts";
import { bytesOf } from "../trainer/plan/planned-rows.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { startBenchKv } from "./http/kv.ts";
import { pairsOf, ReplayLog, replayModel } from "./replay/model.ts";
import { startReplayed } from "./replay/replayed.ts";

interface Case {
  name: string;
  cacheBytes: number;
  /** Null: a request scores one record. */
  candidates: number | null;
  /** Requests before those that are counted. */
  before: number;
  counted: number;
  /** Whether other values become the most popular ones before all that. */
  moves?: boolean;
  mostKeys?: number;
  /** The least share of look-ups that never leave the isolate. */
  leastHere?: number;
}

interface Result {
  name: string;
  planned: Counted;
  replayed: Counted;
  difference: number;
  holds: boolean;
}

interface Counted {
  keys: number;
  here: number;
}

const MOST_DIFFERENCE = 0.15;
/** Where requests read fewer keys than that, the difference is not a share of them: none may be read at all. */
const LEAST_KEYS = 0.01;
/** Values that the blob holds of a million. */
const HEAD_SHARE = 0.04;

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    requests: { type: "string", default: "1" },
    json: { type: "string" },
  },
});
const rows = Number(options.rows);
const times = Number(options.requests);
const headRows = Math.round(HEAD_SHARE * rows);
const model = replayModel(rows, headRows);
const { pages } = bytesOf(model.rows, model.layout);
console.log(`${rows.toLocaleString("en")} rows, ${headRows} in the blob, pages of ${bytesText(pages)} in all`);
const ranking = { candidates: 500, cacheBytes: 16 * 2 ** 20, before: Math.round(20_000 * times), counted: 300 };
const CASES: Case[] = [
  {
    name: "score 1, a tenth of the pages' bytes",
    ...{ cacheBytes: Math.floor(pages / 10), candidates: null, before: 1000, counted: 4000, mostKeys: 1.5 },
  },
  { name: "rank 500, 16 MiB", ...ranking, leastHere: 0.92 },
  { name: "the same, other values are popular", ...ranking, moves: true, leastHere: 0.9 },
];

await using kv = await startBenchKv(await pairsOf(model), "quick");
const results: Result[] = [];
let moved: { log: ReplayLog; planned: PlannedIsolate; worker: Awaited<ReturnType<typeof startReplayed>> } | null = null;
await using stack = new AsyncDisposableStack();
for (const one of CASES) {
  // Where values become popular, the isolates and the log are those of the case before.
  const limits = { cacheBytes: one.cacheBytes, keysPerRequest: 1000 };
  if (one.moves && moved) moved.log.moveHead(headRows / 2);
  else
    moved = {
      log: new ReplayLog(model, 1),
      planned: new PlannedIsolate(model.rows, model.layout, limits),
      worker: stack.use(await startReplayed(kv.address, one.cacheBytes)),
    };
  const result = await play(one, moved);
  console.log(`${result.name}: ${result.holds ? "holds" : "fails"}`);
  results.push(result);
}
console.log(
  table(
    ["requests", "keys planned", "replayed", "difference", "here planned", "replayed", ""],
    results.map(({ name, planned, replayed, difference, holds }) => [
      ...[name, planned.keys.toFixed(3), replayed.keys.toFixed(3), `${(100 * difference).toFixed(1)} %`],
      ...[percent(planned.here), percent(replayed.here), holds ? "holds" : "fails"],
    ]),
  ),
);
if (options.json) writeWhole(options.json, toJson({ rows, results }));
if (!results.every(({ holds }) => holds)) process.exitCode = 1;

async function play(one: Case, { log, planned, worker }: NonNullable<typeof moved>): Promise<Result> {
  const { name, candidates, before, counted, mostKeys = Infinity, leastHere = 0 } = one;
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
  // An isolate that has had few requests is not warm yet, and has many rows to see for the first time.
  const isHere = times < 1 || replayed.here >= leastHere;
  const holds = difference <= MOST_DIFFERENCE && replayed.keys <= mostKeys && isHere;
  return { name, planned: plan, replayed, difference, holds };
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

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
