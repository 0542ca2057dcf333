// What an isolate's cache answers: by what it keeps (whole pages, filled by hash or by class of frequency, rows, or
// rows and the others of their pages while there is room) and by what it drops (LRU, CLOCK, S3-FIFO), all within the
// same bytes. These are simulated; beside them stands the cache that the Worker has, as it is built. "here" is the
// share of look-ups that the blob or the cache answers. Then nanoseconds to look a row up in the cache, and in whole
// pages; and what the Worker in workerd says of a log's records. Prints; gates nothing.
// `--scenario`: those alone whose name has this text, and nothing but them.
//   npm run bench -- cache [--only built] [--scenario 1e7] [--json FILE]
import { parseArgs } from "node:util";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { table } from "../trainer/terminal/table.ts";
import { BuiltCache } from "./cache/built.ts";
import { DESIGNS, emptyTally, Isolate, type Simulated, type Tally } from "./cache/designs.ts";
import { lookupTimes } from "./cache/lookups.ts";
import { replay } from "./cache/replay.ts";
import { Traffic } from "./cache/traffic.ts";

const MIB = 2 ** 20;
const BUILT = "the Worker's, as it is built";

interface Scenario {
  name: string;
  /** Those that may be looked for as candidates. */
  rows: number;
  /**
   * Of so many rows in pages one is a candidate's; the others are contexts', of which each request looks for one more.
   * Default: all are candidates'.
   */
  spread?: number;
  /** Of Zipf's law. */
  exponent: number;
  /** Rows in the blob. */
  head: number;
  cacheBytes: number;
  /** Look-ups of a request. */
  lookups: number;
  /** Requests before anything is counted. */
  before: number;
  requests: number;
  /** The most keys that a request may read. */
  mostKeys?: number;
  /** How many of the most popular rows others take the place of, and how many of `before` come first. */
  moved?: { rows: number; after: number };
}

const MILLION = { rows: 1e6, exponent: 1.05, head: 40_000 };
const SCORE = { lookups: 2, before: 1000, requests: 20_000 };
const RANK = { lookups: 500, before: 10_000, requests: 2000 };
const SCENARIOS: readonly Scenario[] = [
  {
    name: "1e6 rows, no head, a tenth of the pages' bytes; 2 look-ups",
    ...MILLION,
    ...SCORE,
    head: 1,
    cacheBytes: 3.1 * MIB,
  },
  { name: "1e6 rows, a head of 40,000, 16 MiB; 500 look-ups", ...MILLION, ...RANK, cacheBytes: 16 * MIB },
  {
    name: "the same, 20,000 requests after all of the head was exchanged",
    ...{ ...MILLION, ...RANK, before: 30_000, moved: { rows: 40_000, after: 10_000 }, cacheBytes: 16 * MIB },
  },
  { name: "2e6 rows, a head of 40,000, 32 MiB; 500 look-ups", ...MILLION, ...RANK, rows: 2e6, cacheBytes: 32 * MIB },
  { name: "the same, with a head of 400,000", ...MILLION, ...RANK, rows: 2e6, head: 400_000, cacheBytes: 32 * MIB },
  {
    name: "1e7 rows, 2e6 of them items', of which 400,000 are the head; 32 MiB; 500 look-ups and a context's",
    ...{ ...MILLION, ...RANK, rows: 2e6, head: 400_000, spread: 6, cacheBytes: 32 * MIB, mostKeys: 20 },
  },
];

const { values: options } = parseArgs({
  options: { only: { type: "string" }, scenario: { type: "string" }, json: { type: "string" } },
});
interface Contestant {
  name: string;
  make(scenario: Scenario): Simulated;
}

const all: Contestant[] = [
  ...DESIGNS.map((design) => ({
    name: design.name,
    make: (scenario: Scenario) => new Isolate(design, scenario.cacheBytes, rowsOf(scenario), scenario.head),
  })),
  { name: BUILT, make: (scenario) => new BuiltCache(scenario.cacheBytes, rowsOf(scenario), scenario.head) },
];
const contestants = all.filter(({ name }) => options.only !== "built" || name === BUILT);

const scenarios = SCENARIOS.filter(({ name }) => name.includes(options.scenario ?? ""));
const results = scenarios.map((scenario) => {
  const played = contestants.map(({ name, make }) => ({ cache: name, ...play(scenario, make(scenario)) }));
  console.log(`\n${scenario.name}`);
  console.log(
    table(
      ["cache", "here", "keys a request"],
      played.map(({ cache, here, keys }) => [cache, `${(100 * here).toFixed(1)} %`, keys.toFixed(2)]),
    ),
  );
  if (scenario.mostKeys !== undefined) console.log(`expected: at most ${scenario.mostKeys} keys a request`);
  return { scenario: scenario.name, played };
});
const others = options.scenario === undefined ? await measureOthers() : {};
if (options.json) writeWhole(options.json, toJson({ results, ...others }));

async function measureOthers() {
  const lookups = lookupTimes();
  const { rows, pages, ratio } = lookups;
  console.log(
    `\nns to look up and copy a row, of 500 candidates: ${rows} in cached rows, ${pages} in cached pages, ${ratio} ×`,
  );
  const replayed = await replay();
  console.log(
    "in workerd, 1e6 rows, no head, a tenth of the pages' bytes, one record a request, after 1,000: " +
      `${(100 * replayed.here).toFixed(1)} % here, ${replayed.keys.toFixed(2)} keys a request`,
  );
  return { lookups, replayed };
}

/** Those of the blob and of all pages. */
function rowsOf({ rows, head, spread = 1 }: Scenario): number {
  return head + (rows - head) * spread;
}

function play(scenario: Scenario, isolate: Simulated): { here: number; keys: number } {
  const { rows, exponent, head, spread = 1, lookups, before, requests, moved } = scenario;
  const traffic = new Traffic(rows, exponent, 1);
  const contexts = spread > 1 ? new Traffic((rows - head) * (spread - 1), exponent, 2) : null;
  const wanted = new Array<number>(lookups + (contexts ? 1 : 0));
  /** The row of a candidate, where contexts' rows are between those in pages. */
  const rowOf = (candidate: number): number => (candidate < head ? candidate : head + (candidate - head) * spread);
  const contextRow = (context: number): number =>
    head + Math.floor(context / (spread - 1)) * spread + 1 + (context % (spread - 1));
  const send = (count: number): Tally => {
    const tally = emptyTally();
    for (let request = 0; request < count; request++) {
      for (let i = 0; i < lookups; i++) wanted[i] = rowOf(traffic.next());
      if (contexts) wanted[lookups] = contextRow(contexts.next());
      isolate.request(wanted, tally);
    }
    return tally;
  };
  send(moved?.after ?? before);
  if (moved) {
    traffic.moveHead(moved.rows);
    send(before - moved.after);
  }
  const tally = send(requests);
  return { here: tally.here / tally.lookups, keys: tally.keys / tally.requests };
}
