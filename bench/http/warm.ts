// The cases of an isolate that has its model and its rows, beside what they cannot be quicker than and beside other
// runtimes.
import { writeBlob } from "../../format/write-blob.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { table } from "../../trainer/terminal/table.ts";
import { F32_BOUND, INT8_BOUND } from "../kernel/agree.ts";
import type { Driver } from "./drive.ts";
import { floatModel } from "./float-model.ts";
import { kernelMs, scoresOf } from "./kernel.ts";
import { type Contestant, measure, type Pace, type Result, resultOf, turnsOf } from "./measure.ts";
import { type Asked, alternating, BODIES, type HttpModel } from "./model.ts";
import type { Peer } from "./peers.ts";
import type { BenchServer, Checkout } from "./server.ts";

/** What the Worker takes its turns with. */
export interface WarmServers {
  /** Has the checkout's models. */
  ours: BenchServer;
  /** Answers, and does nothing else. */
  empty: BenchServer;
  /** Reads the body, and answers with our headers. */
  body: BenchServer;
  /** Scores with our kernel, and does nothing else beside reading the body and answering. Has the first model. */
  least: BenchServer;
  /** Parses the body, and answers with a number for each of its records. */
  json: BenchServer;
  /** Have the checkout's first model. */
  peers: readonly Peer[];
  /** Has a model with the network of DeepFM's paper. */
  paper: { server: BenchServer; model: HttpModel };
}

const LEAST_CASE = "the least Worker, score 1";
const MOST_TRIES = 100;
const PAPER_CASE = "rank 100, the paper's net";

export interface WarmResults {
  warm: Result[];
  /** By case: the kernel's milliseconds a request. */
  kernel: Record<string, number>;
}

export async function warmResults(
  driver: Driver,
  { models }: Checkout,
  { ours, empty, body, least, json, peers, paper }: WarmServers,
  cases: Readonly<Record<string, Asked>>,
  pace: Pace,
): Promise<WarmResults> {
  const [first] = models;
  for (const peer of peers) await checkPeer(peer, first, cases["rank 100"]);
  await checkLeast(least, ours, first, [cases["score 1"]]);
  const both = (asked: Asked): string[] => alternating(models, asked, BODIES).map((body) => JSON.stringify(body));
  const contestants: Contestant[] = [
    contestant("empty handler", empty, first, cases["score 1"]),
    contestant("body and headers alone, score 1", body, first, cases["score 1"]),
    contestant(LEAST_CASE, least, first, cases["score 1"]),
    ...Object.entries(cases).flatMap(([name, asked]) => [
      contestant(`JSON alone, ${name}`, json, first, asked),
      ...peers.map((peer) => contestant(`${peer.name}, ${name}`, peer, first, asked)),
      contestant(name, ours, first, asked),
    ]),
    contestant("rank 100, sorted", ours, first, { ...cases["rank 100"], sorted: true }),
    ...["score 1", "score 100"].map((name) => ({
      ...contestant(`${name}, two models`, ours, first, cases[name]),
      bodies: both(cases[name]),
    })),
    contestant(PAPER_CASE, paper.server, paper.model, cases["rank 100"]),
  ];
  const bodies = Object.values(cases).map((asked) => first.bodies(asked, BODIES));
  const kernel = await kernelMs(first, bodies, pace.rounds);
  using task = startTask("warm", turnsOf(contestants, pace), "turn");
  const warm = (await measure(driver, contestants, pace, task)).map((turn) => resultOf(turn));
  task.done("");
  const kernelOf = Object.fromEntries(Object.keys(cases).map((name, i) => [name, kernel[i]]));
  const ranked = [paper.model.bodies(cases["rank 100"], BODIES)];
  [kernelOf[PAPER_CASE]] = await kernelMs(paper.model, ranked, pace.rounds);
  console.log(warmTable(warm, kernelOf));
  return { warm, kernel: kernelOf };
}

export function contestant(name: string, server: BenchServer, model: HttpModel, asked: Asked): Contestant {
  const bodies = model.bodies(asked, BODIES).map((body) => JSON.stringify(body));
  return { name, server, path: asked.path, records: asked.records, bodies };
}

function warmTable(results: readonly Result[], kernel: Readonly<Record<string, number>>): string {
  return table(
    ["warm", "CPU ms", "kernel ms", "CPU / kernel", "requests/s", "p50 ms", "p95 ms", "p99 ms", "keys"],
    results.map(({ case: name, cpuMs, requestsPerSecond, p50, p95, p99, keys }) => {
      const share = kernel[name];
      const ofKernel = share === undefined ? ["", ""] : [share.toFixed(3), `${(cpuMs / share).toFixed(1)} ×`];
      return [
        ...[name, cpuMs.toFixed(3), ...ofKernel, requestsPerSecond.toFixed(0)],
        ...[p50, p95, p99].map((x) => x.toFixed(1)),
        keys.toFixed(1),
      ];
    }),
  );
}

/**
 * Throws where a peer's scores are not those of the model in float32, up to the order of its sums and, where its
 * matrix products are int8, up to their rounding. The model's own int8 layers keep activations within a range that
 * those of random weights often leave, so that its own scores are others.
 */
async function checkPeer({ name, url }: Peer, model: HttpModel, asked: Asked): Promise<void> {
  const bodies = model.bodies(asked, 1);
  const float = { ...model.exported, blob: writeBlob(floatModel(model)), pages: [] };
  const [expected] = await scoresOf({ exported: float }, bodies);
  const response = await fetch(new URL(asked.path, url), { method: "POST", body: JSON.stringify(bodies[0]) });
  const { scores } = (await response.json()) as { scores: number[] };
  const logits = Array.from(expected, logit);
  const mean = logits.reduce((sum, x) => sum + x, 0) / logits.length;
  const deviation = Math.sqrt(logits.reduce((sum, x) => sum + (x - mean) ** 2, 0) / logits.length);
  const worst = Math.max(...logits.map((x, i) => Math.abs(logit(scores[i]) - x))) / deviation;
  const bound = name.includes("int8") ? INT8_BOUND : F32_BOUND;
  if (!(worst <= bound)) throw new Error(`${name}: got logits ${worst} σ from ours, expected at most ${bound}`);
  console.log(`${name}: |Δlogit| / σ to our float32 kernel at most ${worst.toExponential(0)}`);
}

/** Throws where the least Worker's scores are not those of ours to the bit. */
export async function checkLeast(
  least: BenchServer,
  ours: BenchServer,
  model: HttpModel,
  cases: readonly Asked[],
): Promise<void> {
  for (const asked of cases) {
    const body = JSON.stringify(model.bodies(asked, 1)[0]);
    const [got, expected] = [await wholeScores(least, asked, body), await wholeScores(ours, asked, body)];
    if (got !== expected) throw new Error(`the least Worker, ${asked.path}: got ${got}, expected ${expected}`);
  }
}

/** Asks until no row is missing: a request may read so many pages and no more. */
async function wholeScores({ url }: BenchServer, asked: Asked, body: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const response = await fetch(new URL(asked.path, url), { method: "POST", headers, body });
    const { scores, degraded } = (await response.json()) as { scores: number[]; degraded?: object };
    if (!degraded) return JSON.stringify(scores);
  }
  throw new Error(`${asked.path}: got rows missing in ${MOST_TRIES} answers, expected all`);
}

function logit(score: number): number {
  return Math.log(score / (1 - score));
}
