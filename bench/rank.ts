// Ranking a list over HTTP, as a front-end asks for it, in three ways: whole records to /v1/score, candidates of one
// context to /v1/rank, ids of a catalogue's items to /v1/rank. Time: ms of the Worker's processor time, from a
// request's bytes to the response's, the median of rounds in which all take turns. Ratio: that of whole records divided
// by this way's, so the factor of throughput; computed round by round, its median shown. Checks that all score alike;
// gates nothing else.
// With --against, this checkout's Worker is compared with that of another checkout (a folder with its node_modules and
// build), way by way: our time divided by theirs.
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { existingFolder } from "../trainer/terminal/path-option.ts";
import { table } from "../trainer/terminal/table.ts";
import {
  AGAINST_ROUNDS,
  type Comparison,
  compared,
  comparisonSummary,
  comparisonTable,
  importFrom,
} from "./checkout.ts";
import type { Way } from "./kernel/contestant.ts";
import { benchOptions, optional } from "./options.ts";
import { measure } from "./rank/measure.ts";
import { type RankServer, startRankServer } from "./rank/server.ts";
import { medianRatio, rounded } from "./ratio.ts";
import { JSON_FILE } from "./values.ts";

const CANDIDATES = [100, 500, 2000];
const ROUNDS = 15;

interface Result {
  way: Way;
  candidates: number;
  /** Of the request's body. */
  bytes: number;
  /** Milliseconds of processor time a request. */
  ms: number;
  candidatesPerSecond: number;
  /** Time of whole records divided by the time of this way. */
  ratio: number;
}

const {
  against,
  rounds = against ? AGAINST_ROUNDS : ROUNDS,
  json,
} = benchOptions({
  "--rounds <n>": optional(
    `rounds, in each of which all take their turn (default: ${ROUNDS}; --against: ${AGAINST_ROUNDS})`,
    integerWithin(1, 1000),
  ),
  "--against <folder>": optional("another checkout", existingFolder),
  "--json <file>": JSON_FILE,
});
type ServerModule = typeof import("./rank/server.ts");
const there = against ? await importFrom<ServerModule>(against, "bench/rank/server.ts") : null;
await using stack = new AsyncDisposableStack();
const server = await start(startRankServer);
const results = there ? await rankAgainst(await start(there.startRankServer)) : await rank();
if (json) writeWhole(json, toJson({ results }));

async function start(startServer: () => Promise<RankServer>): Promise<RankServer> {
  const server = await startServer();
  stack.defer(() => server.stop());
  return server;
}

async function rank(): Promise<Result[]> {
  const results: Result[] = [];
  for (const candidates of CANDIDATES) {
    const [requests] = await measure([server], candidates, rounds);
    for (const { way, body, times } of requests) {
      const ms = median(times);
      results.push({
        way,
        candidates,
        bytes: body.length,
        ms: rounded(ms),
        candidatesPerSecond: Math.round((1000 * candidates) / ms),
        ratio: rounded(medianRatio(requests[0].times, times)),
      });
    }
  }
  console.log(`\n${server.text}`);
  console.log(
    table(
      ["list", "candidates", "body", "ms", "candidates/s", "ratio"],
      results.map(({ way, candidates, bytes, ms, candidatesPerSecond, ratio }) => [
        way,
        String(candidates),
        `${(bytes / 1e3).toFixed(0)} kB`,
        ms.toFixed(2),
        candidatesPerSecond.toFixed(0),
        `${ratio.toFixed(2)} ×`,
      ]),
    ),
  );
  return results;
}

async function rankAgainst(other: RankServer): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const candidates of CANDIDATES) {
    const [ours, theirs] = await measure([server, other], candidates, rounds);
    ours.forEach(({ way, times }, i) => {
      results.push(compared(`${way}, ${candidates} candidates`, times, theirs[i].times));
    });
  }
  console.log(`\n${server.text}`);
  console.log(comparisonTable("ms", results));
  console.log(comparisonSummary(results));
  return results;
}
