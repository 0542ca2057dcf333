// What an isolate's cache of rows answers, by what it keeps (whole pages, filled by hash or by class of frequency, or
// rows alone) and by what it drops (LRU, CLOCK, S3-FIFO), all within the same bytes: simulated. "here" is the share of
// look-ups that the blob or the cache answers. Prints; gates nothing.
//   npm run bench -- cache [--json FILE]
import { parseArgs } from "node:util";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { table } from "../trainer/terminal/table.ts";
import { DESIGNS, emptyTally, Isolate, type Tally } from "./cache/designs.ts";
import { Traffic } from "./cache/traffic.ts";

const MIB = 2 ** 20;

interface Scenario {
  name: string;
  rows: number;
  exponent: number;
  /** Rows in the blob. */
  head: number;
  cacheBytes: number;
  /** Look-ups of a request. */
  lookups: number;
  /** Requests before anything is counted. */
  before: number;
  requests: number;
  /** How many of the most popular rows are others, once `before` is over. The blob stays as it is. */
  moves?: number;
}

const MILLION = { rows: 1e6, exponent: 1.05, head: 40_000 };
const SCENARIOS: Scenario[] = [
  {
    name: "score 1, of 1e6 rows, a tenth of the pages' bytes",
    ...MILLION,
    cacheBytes: 3.1 * MIB,
    lookups: 2,
    before: 1000,
    requests: 20_000,
  },
  {
    name: "rank 500, of 1e6 rows, 8 MiB",
    ...MILLION,
    cacheBytes: 8 * MIB,
    lookups: 500,
    before: 20_000,
    requests: 2000,
  },
  {
    name: "rank 500, of 1e6 rows, 16 MiB",
    ...MILLION,
    cacheBytes: 16 * MIB,
    lookups: 500,
    before: 20_000,
    requests: 2000,
  },
  {
    name: "the same, 20,000 requests after the head moved",
    ...MILLION,
    cacheBytes: 16 * MIB,
    lookups: 500,
    before: 40_000,
    requests: 2000,
    moves: 40_000,
  },
  {
    name: "rank 500, of 2e6 items, 32 MiB",
    ...MILLION,
    rows: 2e6,
    cacheBytes: 32 * MIB,
    lookups: 500,
    before: 20_000,
    requests: 2000,
  },
  {
    name: "the same, a head of 400,000 rows",
    rows: 2e6,
    exponent: 1.05,
    head: 400_000,
    cacheBytes: 32 * MIB,
    lookups: 500,
    before: 20_000,
    requests: 2000,
  },
];

const { values: options } = parseArgs({ options: { json: { type: "string" } } });
const results = SCENARIOS.flatMap((scenario) => {
  const of = DESIGNS.map(({ name }) => ({ scenario: scenario.name, design: name, ...play(scenario, name) }));
  console.log(`\n${scenario.name}`);
  console.log(
    table(
      ["cache", "here", "keys a request"],
      of.map(({ design, here, keys }) => [design, `${(100 * here).toFixed(1)} %`, keys.toFixed(2)]),
    ),
  );
  return of;
});
if (options.json) writeWhole(options.json, toJson({ results }));

function play(scenario: Scenario, designName: string): { here: number; keys: number } {
  const { rows, exponent, head, cacheBytes, lookups, before, requests, moves } = scenario;
  const design = DESIGNS.find(({ name }) => name === designName);
  if (!design) throw new Error(`got ${designName}, expected the name of a design`);
  const traffic = new Traffic(rows, exponent, 1);
  const isolate = new Isolate(design, cacheBytes, rows, head);
  const send = (count: number): Tally => {
    const tally = emptyTally();
    const wanted = new Array<number>(lookups);
    for (let request = 0; request < count; request++) {
      for (let i = 0; i < lookups; i++) wanted[i] = traffic.next();
      isolate.request(wanted, tally);
    }
    return tally;
  };
  if (moves === undefined) send(before);
  else {
    send(before / 2);
    traffic.moveHead(moves);
    send(before / 2);
  }
  const tally = send(requests);
  return { here: tally.here / tally.lookups, keys: tally.keys / tally.requests };
}
