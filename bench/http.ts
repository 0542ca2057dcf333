// The Worker as it is deployed, in a workerd of its own over Workers KV in another process, with requests from a third
// (autocannon): milliseconds of workerd's processor time a request, requests a second, latencies, and keys read of KV.
// All cases take their turn in each round; a figure is the median over the rounds. Prints; gates nothing. Its parts:
//   warm      with all rows at hand, beside Workers that do nothing but answer, or but read the body, or but parse it,
//             or but score with our kernel; and the kernel's share, measured in Node
//   peers     in the same rounds, TensorFlow.js and onnxruntime-web in workerd behind the same routes, with the same
//             model in float32 and all of its rows in the isolate (onnxruntime: npm ci --prefix bench/peers)
//   models    two models that take turns, against one alone, each with its scores to the bit
//   cold      the first requests of isolates, over Workers KV as slow as in production
//   deadline  ranking 100 as requests arrive, over that KV, with 50 ms for rows, beside the same arrivals at an empty
//             handler: the first requests of isolates, and those of isolates that have had some before
// With --against, each warm case is raced against another checkout's Worker (a folder with its node_modules and build;
// its commit is 2dcb393 or has bench/http/model.ts): records a second of processor time, ours by theirs, and those of
// the Worker that but scores with our kernel by theirs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { existingFolder } from "../trainer/terminal/path-option.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { coldResults, waitUntilLoaded, warmQuantiles } from "./http/cold.ts";
import { deadlineResults } from "./http/deadline.ts";
import { Driver } from "./http/drive.ts";
import { measure, type Pace, type Result, resultOf, turnsOf } from "./http/measure.ts";
import { type Asked, HTTP_SHAPES } from "./http/model.ts";
import { startLeast, startPeers } from "./http/peers.ts";
import { type BenchServer, Checkout, startScript } from "./http/server.ts";
import { twoModels } from "./http/two-models.ts";
import { checkLeast, contestant, warmResults } from "./http/warm.ts";
import { benchOptions, flag, option, optional, refuse } from "./options.ts";
import { JSON_FILE, listOf, oneOf } from "./values.ts";

const PARTS = ["warm", "peers", "models", "cold", "deadline"];
const options = benchOptions({
  "--parts <name,…>": option("what is measured", listOf(oneOf(PARTS)), PARTS),
  "--shape <name>": option("the DeepFM: small, paper or large", oneOf(Object.keys(HTTP_SHAPES)), "small"),
  "--rounds <n>": optional(
    "rounds, in each of which all take their turn (default: 7; quick: 3)",
    integerWithin(1, 1000),
  ),
  "--connections <n>": option("requests under way at a time", integerWithin(1, 1000), 4),
  "--quick": flag("shorter turns, fewer rounds and isolates"),
  "--against <folder>": optional("another checkout", existingFolder),
  "--json <file>": JSON_FILE,
});
const { quick, shape, against, json } = options;
const parts = new Set(options.parts);
if (parts.has("peers") && !parts.has("warm")) refuse("--parts: got peers without warm, expected both");
const rounds = options.rounds ?? (quick ? 3 : 7);
const pace: Pace = { rounds, connections: options.connections, records: quick ? 10_000 : 40_000 };
/** Requests of an isolate that has just started. */
const COLD_BODIES = 100;
/** Milliseconds that cold requests wait for rows. */
const COLD_DEADLINE_MS = 50;
/** Milliseconds that warm ones wait: all pages are read in the first round. */
const WARM_DEADLINE_MS = 10_000;
/** How often Workers are started anew to compare two models with one. */
const STARTS = quick ? 6 : 9;
/** Records of a turn of that comparison. */
const SHORT_TURN_RECORDS = 10_000;
/** Requests a second that arrive: some 5 % of what one processor answers. */
const ARRIVALS = 20;
/** Bytes of rows that an isolate keeps which is to go on reading: a third of those in pages. */
const FEW_ROWS_BYTES = 2 ** 20;
/** Requests after which its code is compiled. */
const WARM_UP = 400;

const CASES: Record<string, Asked> = {
  "score 1": { path: "/v1/score", records: 1 },
  "score 100": { path: "/v1/score", records: 100 },
  "rank 100": { path: "/v1/rank", records: 100 },
  "rank 1,000": { path: "/v1/rank", records: 1000 },
};
const [FIRST, SECOND] = ["first", "second"];
/** The shape whose network is that of DeepFM's paper, which is ranked with beside the chosen one. */
const PAPER = "paper";

const EMPTY = `const headers = { "content-type": "application/json" };
export default { fetch: () => new Response('{"scores":[0.5]}', { headers }) };`;
/** As little as any Worker does that reads a body and answers with the headers that ours has. */
const BODY_ALONE = `const headers = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "content-type": "application/json",
  "server-timing": 'kv;desc="0", blob;desc="7", isolate;desc="3", source;desc="0", location;desc="0", encode;dur=0.00',
  "x-content-type-options": "nosniff",
  "x-request-id": "b0d3a0c4-6f1c-4c5e-9a53-0e1f5e0f7d11",
};
export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response('{"scores":[0.5]}', { headers });
  },
};`;
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
const here = await Checkout.open(null, shape, [FIRST, SECOND], join(folder, "here"));

const results = against ? await race(against) : await alone();
if (json) writeWhole(json, toJson({ results }));

/** This checkout against another one, beside the least Worker, which says how much there is to be had. */
async function race(other: string): Promise<Result[]> {
  const there = await Checkout.open(other, shape, [FIRST], join(folder, "there"));
  const [ours, theirs] = [await startWarm(here, [FIRST]), await startWarm(there, [])];
  const [model] = here.models;
  const least = stack.use(await startLeast(model));
  await checkLeast(least, ours, model, Object.values(CASES));
  const contestants = Object.entries(CASES).flatMap(([name, asked]) => [
    contestant(name, ours, model, asked),
    contestant(name, theirs, there.models[0], asked),
    contestant(name, least, model, asked),
  ]);
  using task = startTask("here and there", turnsOf(contestants, pace), "turn");
  const turns = await measure(driver, contestants, pace, task);
  task.done("");
  const [own, their, bound] = [0, 1, 2].map((who) => turns.filter((_, i) => i % 3 === who));
  const results = own.map((turn, i) => resultOf(turn, their[i]));
  console.log(heading());
  console.log(
    table(
      ["case", "ms here", "ms there", "the least", "records/s, here / there", "the least / there"],
      results.map(({ case: name, cpuMs, speedup = 1 }, i) => {
        const most = resultOf(bound[i], their[i]);
        return [
          ...[name, ...[cpuMs, resultOf(their[i]).cpuMs, most.cpuMs].map((ms) => ms.toFixed(3))],
          ...[speedup, most.speedup ?? 1].map((times) => `${times.toFixed(2)} ×`),
        ];
      }),
    ),
  );
  return results;
}

/** This checkout's parts. */
async function alone() {
  const empty = stack.use(await startScript(EMPTY));
  console.log(heading());
  return {
    ...(parts.has("warm") && (await warmCases(empty))),
    ...(parts.has("models") && { models: await modelCases() }),
    ...(parts.has("cold") && { cold: await coldCases(empty) }),
    ...(parts.has("deadline") && { deadline: await deadlineCases(empty) }),
  };
}

async function warmCases(empty: BenchServer) {
  await using own = new AsyncDisposableStack();
  const ours = await startWarm(here, [FIRST, SECOND]);
  const body = own.use(await startScript(BODY_ALONE));
  const least = own.use(await startLeast(here.models[0]));
  const json = own.use(await startScript(JSON_ALONE));
  const peers = parts.has("peers") ? await startPeers(here.models[0]) : [];
  for (const peer of peers) own.use(peer);
  const paper = await Checkout.open(null, PAPER, [FIRST], join(folder, "paper"));
  const papers = { server: await startWarm(paper, [FIRST]), model: paper.models[0] };
  return await warmResults(driver, here, { ours, empty, body, least, json, peers, paper: papers }, CASES, pace);
}

function modelCases() {
  const { "rank 1,000": _, ...cases } = CASES;
  // Short turns, and many: what else the machine does then weighs on both alike.
  return twoModels(driver, here, cases, STARTS, { ...pace, rounds: 2 * rounds + 1, records: SHORT_TURN_RECORDS });
}

async function coldCases(empty: BenchServer) {
  const cases = Object.entries(CASES).map(([name, asked]) => ({
    ...{ name, path: asked.path },
    bodies: here.models[0].bodies(asked, COLD_BODIES).map((body) => JSON.stringify(body)),
  }));
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

function deadlineCases(empty: BenchServer) {
  const small = here.withCachedRows(FEW_ROWS_BYTES, join(folder, "few-rows"));
  const cases = [
    { name: "new isolates", checkout: here, before: 0 },
    { name: "few rows kept", checkout: small, before: WARM_UP },
  ];
  const isolates = quick ? 4 : 10;
  return deadlineResults(driver, cases, empty, {
    ...{ asked: CASES["rank 100"], rowDeadlineMs: COLD_DEADLINE_MS, isolates, requests: COLD_BODIES, rate: ARRIVALS },
  });
}

function heading(): string {
  const { fields, k, hidden } = HTTP_SHAPES[shape];
  return `\nDeepFM ${fields}×${k}, ${hidden.join("-")}; int8; ${pace.connections} connections, ${rounds} rounds`;
}

async function startWarm(checkout: Checkout, names: readonly string[]): Promise<BenchServer> {
  const kv = stack.use(await checkout.startKv("quick"));
  const server = stack.use(await checkout.start(kv, WARM_DEADLINE_MS));
  await waitUntilLoaded(server);
  for (const name of names) await waitUntilLoaded(server, name);
  return server;
}
