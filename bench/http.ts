// The Worker as it is deployed, in a workerd of its own over Workers KV in another process, with requests from a third
// (autocannon): milliseconds of workerd's processor time a request, requests a second, latencies, and keys read of KV.
// All cases take their turn in each round; a figure is the median over the rounds. Beside them Workers that do nothing
// but answer, or but parse the body; and the kernel's share, measured in Node. Prints; gates nothing.
//   npm run bench -- http [--shape small] [--rounds 7] [--connections 4] [--quick] [--json FILE]
// With --against, each warm case is raced against another checkout's Worker (a folder with its node_modules and build,
// and with a bench/http/model.ts for its own layout): records a second of processor time, ours by theirs.
//   npm run bench -- http --against FOLDER
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { table } from "../trainer/terminal/table.ts";
import { coldResults, waitUntilLoaded, warmQuantiles } from "./http/cold.ts";
import { Driver } from "./http/drive.ts";
import { kernelMs } from "./http/kernel.ts";
import { type Contestant, measure, type Pace, type Result, resultOf } from "./http/measure.ts";
import { type Asked, HTTP_SHAPES, type HttpModel } from "./http/model.ts";
import { type BenchServer, Checkout, startScript } from "./http/server.ts";

const { values: options } = parseArgs({
  options: {
    shape: { type: "string", default: "small" },
    rounds: { type: "string" },
    connections: { type: "string", default: "4" },
    quick: { type: "boolean", default: false },
    against: { type: "string" },
    json: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7));
const pace: Pace = { rounds, connections: Number(options.connections), records: options.quick ? 10_000 : 40_000 };
/** Bodies of a case, which are sent over and over. */
const BODIES = 64;
/** Requests of an isolate that has just started. */
const COLD_BODIES = 100;
/** Milliseconds that cold requests wait for rows. */
const COLD_DEADLINE_MS = 50;
/** Milliseconds that warm ones wait: all pages are read in the first round. */
const WARM_DEADLINE_MS = 10_000;

const CASES: Record<string, Asked> = {
  "score 1": { path: "/v1/score", records: 1 },
  "score 100": { path: "/v1/score", records: 100 },
  "rank 100": { path: "/v1/rank", records: 100 },
  "rank 1,000": { path: "/v1/rank", records: 1000 },
};
const [FIRST, SECOND] = ["first", "second"];
/** The shape whose network is that of DeepFM's paper, which is ranked with beside the chosen one. */
const PAPER = "paper";

/** Answers, and does nothing else. */
const EMPTY = `const headers = { "content-type": "application/json" };
export default { fetch: () => new Response('{"scores":[0.5]}', { headers }) };`;
/** Parses the body, and answers with a number for each of its records. */
const JSON_ALONE = `export default {
  async fetch(request) {
    const { records, candidates } = await request.json();
    return Response.json({ scores: (records ?? candidates).map((_, i) => 1 / (3 + i)) });
  },
};`;

await using stack = new AsyncDisposableStack();
const driver = stack.use(new Driver());
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-http-"));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const here = await Checkout.open(null, options.shape, [FIRST, SECOND], join(folder, "here"));

const results = options.against ? await race(options.against) : await alone();
if (options.json) writeWhole(options.json, toJson({ results }));

/** This checkout against another one. */
async function race(against: string): Promise<Result[]> {
  const there = await Checkout.open(against, options.shape, [FIRST], join(folder, "there"));
  const [ours, theirs] = [await startWarm(here, [FIRST]), await startWarm(there, [])];
  const contestants = Object.entries(CASES).flatMap(([name, asked]) => [
    contestant(name, ours, here.models[0], asked),
    contestant(name, theirs, there.models[0], asked),
  ]);
  const turns = await measure(driver, contestants, pace);
  const results = turns.flatMap((turn, i) => (i % 2 === 0 ? [resultOf(turn, turns[i + 1])] : []));
  console.log(heading());
  console.log(
    table(
      ["case", "ms here", "ms there", "records/s, here / there"],
      results.map(({ case: name, cpuMs, speedup = 1 }, i) => [
        name,
        cpuMs.toFixed(3),
        resultOf(turns[2 * i + 1]).cpuMs.toFixed(3),
        `${speedup.toFixed(2)} ×`,
      ]),
    ),
  );
  return results;
}

/** This checkout's cases, warm and cold, beside what they cannot be quicker than. */
async function alone() {
  const ours = await startWarm(here, [FIRST, SECOND]);
  const empty = stack.use(await startScript(EMPTY));
  const json = stack.use(await startScript(JSON_ALONE));
  const [first, second] = here.models;
  const paper = await Checkout.open(null, PAPER, [FIRST], join(folder, "paper"));
  const of = (name: string, server: BenchServer, asked: Asked): Contestant => contestant(name, server, first, asked);
  const named = (name: string, asked: Asked): Contestant => {
    const bodies = bodiesFor(first, { ...asked, model: FIRST });
    const others = bodiesFor(second, { ...asked, model: SECOND });
    return {
      ...of(name, ours, asked),
      bodies: bodies.map((body, i) => JSON.stringify(i % 2 === 0 ? body : others[i])),
    };
  };
  const contestants = [
    of("empty handler", empty, CASES["score 1"]),
    ...Object.entries(CASES).flatMap(([name, asked]) => [
      of(`JSON alone, ${name}`, json, asked),
      of(name, ours, asked),
    ]),
    of("rank 100, sorted", ours, { ...CASES["rank 100"], sorted: true }),
    named("score 1, two models", CASES["score 1"]),
    named("score 100, two models", CASES["score 100"]),
    contestant("rank 100, paper's net", await startWarm(paper, [FIRST]), paper.models[0], CASES["rank 100"]),
  ];
  const kernel = await kernelMs(
    first,
    Object.values(CASES).map((asked) => bodiesFor(first, asked)),
    rounds,
  );
  const warm = (await measure(driver, contestants, pace)).map((turn) => resultOf(turn));
  console.log(heading());
  const kernelOf = new Map(Object.keys(CASES).map((name, i) => [name, kernel[i]]));
  const ranked = bodiesFor(paper.models[0], CASES["rank 100"]);
  kernelOf.set("rank 100, paper's net", (await kernelMs(paper.models[0], [ranked], rounds))[0]);
  console.log(warmTable(warm, kernelOf));
  const cold = await coldCases(empty);
  return { warm, kernel: Object.fromEntries(kernelOf), cold };
}

async function coldCases(empty: BenchServer) {
  const cases = ["score 1", "score 100", "rank 100"].map((name) => {
    const asked = CASES[name];
    return {
      name,
      path: asked.path,
      bodies: here.models[0].bodies(asked, COLD_BODIES).map((body) => JSON.stringify(body)),
    };
  });
  const idle = {
    case: "empty handler",
    ...(await warmQuantiles(driver, empty, cases[2].path, cases[2].bodies)),
    keys: 0,
  };
  const cold = [idle, ...(await coldResults(driver, here, cases, rounds, COLD_DEADLINE_MS))];
  console.log(`\nthe first ${COLD_BODIES} requests of ${rounds} isolates, deadline ${COLD_DEADLINE_MS} ms`);
  console.log(
    table(
      ["cold", "p50 ms", "p95 ms", "p99 ms", "keys"],
      cold.map(({ case: name, p50, p95, p99, keys }) => [name, ...[p50, p95, p99, keys].map((x) => x.toFixed(1))]),
    ),
  );
  return cold;
}

function warmTable(results: readonly Result[], kernel: ReadonlyMap<string, number>): string {
  return table(
    ["warm", "CPU ms", "kernel ms", "CPU / kernel", "requests/s", "p50 ms", "p95 ms", "p99 ms"],
    results.map(({ case: name, cpuMs, requestsPerSecond, p50, p95, p99 }) => {
      const share = kernel.get(name);
      const ofKernel = share === undefined ? ["", ""] : [share.toFixed(3), `${(cpuMs / share).toFixed(1)} ×`];
      return [
        name,
        cpuMs.toFixed(3),
        ...ofKernel,
        requestsPerSecond.toFixed(0),
        ...[p50, p95, p99].map((x) => x.toFixed(1)),
      ];
    }),
  );
}

function heading(): string {
  const { fields, k, hidden } = HTTP_SHAPES[options.shape];
  return `\nDeepFM ${fields}×${k}, ${hidden.join("-")}; int8; ${pace.connections} connections, ${rounds} rounds`;
}

async function startWarm(checkout: Checkout, names: readonly string[]): Promise<BenchServer> {
  const kv = stack.use(await checkout.startKv(false));
  const server = stack.use(await checkout.start(kv, WARM_DEADLINE_MS));
  await waitUntilLoaded(server);
  for (const name of names) await waitUntilLoaded(server, name);
  return server;
}

function contestant(name: string, server: BenchServer, model: HttpModel, asked: Asked): Contestant {
  const bodies = bodiesFor(model, asked).map((body) => JSON.stringify(body));
  return { name, server, path: asked.path, records: asked.records, bodies };
}

function bodiesFor(model: HttpModel, asked: Asked): object[] {
  return model.bodies(asked, BODIES);
}
