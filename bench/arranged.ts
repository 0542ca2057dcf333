// What an experiment costs a ranking: the Worker as it is deployed ranks 100 candidates with ids without an
// experiment, and through the arms of some, by a model whose network is that of DeepFM's paper: 10 fields, k 10,
// 400-400-400. A unit is a field of the context. Lines of the exposure log go to a queue, which is another process's.
// Each arm has a workerd of its own, so that what is sent to the queue after a turn is its arm's too. Turns are short
// and all take theirs in each round, so that a machine that is slow for a second is so for all; each ten rounds, in
// which lines were sent several times, count as one. A figure is the median over these, and a ratio that of their
// ratios. Prints; gates nothing.
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { experimentsKey } from "../format/experiments-pointer.ts";
import { median } from "../trainer/metrics/median.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { table } from "../trainer/terminal/table.ts";
import { readMessage } from "../worker/exposures/queue-message.ts";
import { Driver } from "./http/drive.ts";
import { startBenchKv } from "./http/kv.ts";
import { type Contestant, measure, turnsOf } from "./http/measure.ts";
import { BODIES, HTTP_SHAPES, httpModel, kvPairs } from "./http/model.ts";
import { bundleWorker, startWithExperiments } from "./http/server.ts";
import { benchOptions, option } from "./options.ts";
import { medianInterval, ratios } from "./ratio.ts";
import { oneOf } from "./values.ts";

const { rounds, connections, requests, shape } = benchOptions({
  "--rounds <n>": option("tens of rounds, in each of which all take ten turns", integerWithin(1, 1000), 31),
  "--connections <n>": option("requests under way at a time", integerWithin(1, 1000), 4),
  "--requests <n>": option("requests of a turn", integerWithin(1, 1000), 50),
  "--shape <name>": option("the DeepFM: small, paper or large", oneOf(Object.keys(HTTP_SHAPES)), "paper"),
});
const CANDIDATES = 100;
/** Turns of each that count as one. */
const TURNS = 10;
const pace = { rounds: TURNS * rounds, connections, records: requests * CANDIDATES, leastRequests: 1 };
/** Requests after which an arm's code is compiled. */
const WARM_UP = 1000;
/** Milliseconds within which the queue has all lines, and between two looks whether it has. */
const LINES_MS = 10_000;
const LOOK_MS = 10;
const LINE_END = 10;
/** Slots that chance decides. */
const DRAWN = 20;

const ARMS: Record<string, object> = {
  origin: { model: null },
  greedy: { model: "first" },
  "plackett-luce, 20 slots": { model: "first", policy: { policy: "plackett-luce", temperature: 1 }, k: DRAWN },
  "plackett-luce, all slots": { model: "first", policy: { policy: "plackett-luce", temperature: 1 } },
  "epsilon-greedy, 20 slots": { model: "first", policy: { policy: "epsilon-greedy", epsilon: 0.1 }, k: DRAWN },
};

await using stack = new AsyncDisposableStack();
const driver = stack.use(new Driver());
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-arranged-"));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const worker = join(folder, "worker");
await bundleWorker(null, worker);
const model = await httpModel(HTTP_SHAPES[shape], "first", 1);
const unit = Object.keys((model.bodies({ path: "/v1/rank", records: 1 }, 1)[0] as { context: object }).context)[0];
const pairs = kvPairs([model]).set(experimentsKey(), JSON.stringify({ features: featuresOf(unit) }));
const kv = stack.use(await startBenchKv(pairs, "quick"));
const queue = await startQueue();
stack.defer(queue.close);
const texts = { EXPERIMENT_SECRETS: "s".repeat(32), ROW_DEADLINE_MS: "10000" };

const ids = Array.from({ length: CANDIDATES }, (_, i) => `sku-${(i * 7919 + 13) % 100_003}`);
const bodies = model
  .bodies({ path: "/v1/rank", records: CANDIDATES, sorted: true }, BODIES)
  .map((body) => ({ ...body, ids }));
const contestants: Contestant[] = [];
for (const list of [null, ...Object.keys(ARMS)]) contestants.push(await contestant(list));
using task = startTask("arranged", contestants.length + turnsOf(contestants, pace), "turn");
for (const { name, server, path, bodies } of contestants) {
  await driver.drive({ url: server.url.href, path, bodies, requests: WARM_UP, connections });
  task.advance(1, `${name} warms up`);
}
const turns = await measure(driver, contestants, pace, task);
await queue.settle(Object.keys(ARMS).length * (WARM_UP + (pace.rounds + 1) * requests));
task.done("");
const means = turns.map(({ name, cpu }) => ({ name, cpu: byTens(cpu) }));
const [plain] = means;
const rows = means.map(({ name, cpu }) => {
  const { median: ratio, low, high } = medianInterval(ratios(cpu, plain.cpu));
  return [name, median(cpu).toFixed(3), ratio.toFixed(2), `${low.toFixed(2)}–${high.toFixed(2)}`];
});
console.log(`/v1/rank of ${CANDIDATES} candidates, ${shape} DeepFM: ${pace.rounds} rounds`);
console.log(table(["arm", "CPU ms", "by plain", "95 % interval"], rows));
console.log(`${queue.lines().toLocaleString("en")} lines in the queue, one for each list`);

/** `list`: null is the plain ranking. */
async function contestant(list: string | null): Promise<Contestant> {
  const own = bodies.map((body) => JSON.stringify(list === null ? body : { ...body, experiment: list }));
  const bundle = join(folder, String(contestants.length));
  cpSync(worker, bundle, { recursive: true });
  const server = stack.use(await startWithExperiments(bundle, kv, texts, queue.address));
  return { name: list ?? "plain", server, path: "/v1/rank", records: CANDIDATES, bodies: own, alone: true };
}

/** The means of each ten turns. */
function byTens(cpu: readonly number[]): number[] {
  return Array.from({ length: cpu.length / TURNS }, (_, i) =>
    cpu.slice(i * TURNS, (i + 1) * TURNS).reduce((sum, ms) => sum + ms / TURNS, 0),
  );
}

/** A list for each arm, whose experiment has it twice: all units are in it. */
function featuresOf(hashAttribute: string): object {
  const features = Object.entries(ARMS).map(([name, arm]) => {
    const variations = ["a", "b"].map((own) => ({ arm: own, ...arm }));
    return [
      name,
      { defaultValue: null, rules: [{ key: name, seed: name, hashAttribute, hashVersion: 2, variations }] },
    ];
  });
  return Object.fromEntries(features);
}

/** Takes what a queue's producer sends, and keeps none of it: it counts lines. */
async function startQueue() {
  let lines = 0;
  const http = createServer(async (request, response) => {
    const body = await buffer(request);
    const messages = request.url === "/batch" ? bodiesIn(body) : [body];
    for (const message of messages) lines += linesIn(message);
    // A producer's call rejects without it.
    response.end('{"metadata":{"metrics":{"backlogCount":0,"backlogBytes":0}}}');
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    lines: () => lines,
    /** Waits for the lines of so many lists. */
    async settle(expected: number): Promise<void> {
      for (const started = performance.now(); lines < expected; await sleep(LOOK_MS))
        if (performance.now() - started > LINES_MS)
          throw new Error(`the queue: got ${lines} lines after ${LINES_MS} ms, expected ${expected}`);
    },
    close: () => void http.close().closeAllConnections(),
  };
}

/** The messages of a batch, as workerd sends them. */
function bodiesIn(batch: Buffer): Buffer[] {
  const { messages } = JSON.parse(batch.toString()) as { messages: { body: string }[] };
  return messages.map(({ body }) => Buffer.from(body, "base64"));
}

function linesIn(message: Buffer): number {
  const found = readMessage(new Uint8Array(message));
  if (!found) throw new Error(`the queue: got ${message.length} bytes that are no message, expected lines`);
  return found.lines.reduce((count, byte) => count + (byte === LINE_END ? 1 : 0), 0);
}
