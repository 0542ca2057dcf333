// What an isolate's cache answers: by what it keeps (whole pages, filled by hash or by class of frequency, rows, or
// rows and the others of their pages while there is room) and by what it drops (LRU, CLOCK, S3-FIFO), all within the
// same bytes. These are simulated; beside them stands the cache that the Worker has, as it is built. "here" is the
// share of look-ups that the blob or the cache answers. Then nanoseconds to look a row up in the cache, and in whole
// pages; what the Worker in workerd says of a log's records; and the keys of an isolate that becomes warm, of ten
// million rows. Prints; gates nothing.
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { table } from "../trainer/terminal/table.ts";
import { BuiltCache } from "./cache/built.ts";
import { DESIGNS, emptyTally, Isolate, type Simulated, type Tally } from "./cache/designs.ts";
import { lookupTimes } from "./cache/lookups.ts";
import { replay } from "./cache/replay.ts";
import { Traffic } from "./cache/traffic.ts";
import { MOST_KEYS, type Warm, warming } from "./cache/warming.ts";
import { benchOptions, optional } from "./options.ts";
import { JSON_FILE, oneOf } from "./values.ts";

const MIB = 2 ** 20;
const BUILT = "the Worker's, as it is built";

interface Scenario {
  name: string;
  rows: number;
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
];

const { only, json } = benchOptions({
  "--only <part>": optional(
    "the Worker's own cache (built), or the keys of an isolate that becomes warm (warming)",
    oneOf(["built", "warming"]),
  ),
  "--json <file>": JSON_FILE,
});

interface Contestant {
  name: string;
  make(scenario: Scenario): Simulated;
}

const all: Contestant[] = [
  ...DESIGNS.map((design) => ({
    name: design.name,
    make: ({ cacheBytes, rows, head }: Scenario) => new Isolate(design, cacheBytes, rows, head),
  })),
  { name: BUILT, make: ({ cacheBytes, rows, head }) => new BuiltCache(cacheBytes, rows, head) },
];
if (only === "warming") {
  const warm = showWarming();
  if (json) writeWhole(json, toJson({ warm }));
  process.exit();
}
const contestants = all.filter(({ name }) => only !== "built" || name === BUILT);

const results = SCENARIOS.map((scenario) => {
  const played = contestants.map(({ name, make }) => ({ cache: name, ...play(scenario, make(scenario)) }));
  console.log(`\n${scenario.name}`);
  console.log(
    table(
      ["cache", "here", "keys a request"],
      played.map(({ cache, here, keys }) => [cache, `${(100 * here).toFixed(1)} %`, keys.toFixed(2)]),
    ),
  );
  return { scenario: scenario.name, played };
});
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
const warm = showWarming();
if (json) writeWhole(json, toJson({ results, lookups, replayed, warm }));

function showWarming(): Warm[] {
  const warm = warming();
  console.log(
    `\n1e7 rows, 2e6 of them items', 400,000 in the blob, 32 MiB; 500 candidates, at most ${MOST_KEYS} keys:`,
  );
  console.log(
    table(
      ["requests before", "here", "keys a request", ""],
      warm.map(({ before, here, keys }) => [
        ...[before.toLocaleString("en"), `${(100 * here).toFixed(1)} %`, keys.toFixed(2)],
        keys <= MOST_KEYS ? "holds" : "more",
      ]),
    ),
  );
  return warm;
}

function play(
  { rows, exponent, lookups, before, requests, moved }: Scenario,
  isolate: Simulated,
): { here: number; keys: number } {
  const traffic = new Traffic(rows, exponent, 1);
  const wanted = new Array<number>(lookups);
  const send = (count: number): Tally => {
    const tally = emptyTally();
    for (let request = 0; request < count; request++) {
      for (let i = 0; i < lookups; i++) wanted[i] = traffic.next();
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
