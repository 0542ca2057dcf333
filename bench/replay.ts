// Whether the Worker reads what the planner says: a log by Zipf's law is replayed, request by request, through the
// production build in workerd and through the planner's isolate. Exits with 1 where the keys that requests read differ
// by more than 15 %, or where a case reads more than it should. Nothing of it depends on time.
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { PlannedIsolate } from "../trainer/plan/planned-isolate.ts";
import { bytesOf } from "../trainer/plan/planned-rows.ts";
import { integerWithin, numberWithin } from "../trainer/terminal/number-option.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { startBenchKv } from "./http/kv.ts";
import { benchOptions, option } from "./options.ts";
import { pairsOf, ReplayLog, replayModel } from "./replay/model.ts";
import { MOST_DIFFERENCE, type Played, type Players, play, type Requests } from "./replay/play.ts";
import { startReplayed } from "./replay/replayed.ts";
import { JSON_FILE } from "./values.ts";

interface Case extends Requests {
  name: string;
  cacheBytes: number;
  /** Whether other values become the most popular ones before all that. */
  moves?: boolean;
  mostKeys?: number;
  /** The least share of look-ups that never leave the isolate. */
  leastHere?: number;
}

interface Result extends Played {
  name: string;
  holds: boolean;
}

/** Values that the blob holds of a million. */
const HEAD_SHARE = 0.04;
/** Requests to rank that come before those that are counted. */
const BEFORE = 20_000;
const options = benchOptions({
  "--rows <n>": option("rows of the model", integerWithin(1000, 1e8), 1_000_000),
  "--requests <x>": option(
    `share of the ${BEFORE} requests to rank that come before those that are counted; with less than 1, it is not ` +
      "asserted how many look-ups stay in the isolate",
    numberWithin(0, 100),
    1,
  ),
  "--json <file>": JSON_FILE,
});
const { rows, requests: times, json } = options;
const headRows = Math.round(HEAD_SHARE * rows);
const model = replayModel({ values: Math.floor(rows / 2), headRows });
const { pages } = bytesOf(model.rows, model.layout);
console.log(`${rows.toLocaleString("en")} rows, ${headRows} in the blob, pages of ${bytesText(pages)} in all`);
const ranking = { candidates: 500, cacheBytes: 16 * 2 ** 20, before: Math.round(BEFORE * times), counted: 300 };
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
let moved: Players | null = null;
await using stack = new AsyncDisposableStack();
for (const one of CASES) {
  // Where values become popular, the isolates and the log are those of the case before.
  const limits = { cacheBytes: one.cacheBytes, keysPerRequest: 1000 };
  if (one.moves && moved) moved.log.moveHead(Math.floor(headRows / 2));
  else
    moved = {
      log: new ReplayLog(model, 1),
      planned: new PlannedIsolate(model.rows, model.layout, limits),
      worker: stack.use(await startReplayed(kv.address, one.cacheBytes)),
    };
  const { name, mostKeys = Infinity, leastHere = 0 } = one;
  const played = await play(moved, one);
  const { replayed, difference } = played;
  // An isolate that has had few requests is not warm yet, and has many rows to see for the first time.
  const isHere = times < 1 || replayed.here >= leastHere;
  const holds = difference <= MOST_DIFFERENCE && replayed.keys <= mostKeys && isHere;
  const result = { name, ...played, holds };
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
if (json) writeWhole(json, toJson({ rows, results }));
if (!results.every(({ holds }) => holds)) process.exitCode = 1;

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
