// What an experiment costs a ranking: the Worker as it is deployed, in a workerd of its own, ranks 100 candidates with
// ids without an experiment, and through the arms of some. A unit is a field of the context. Lines of the exposure log
// go to a queue, which is another process's. All take their turn in each round; a figure is the median over the rounds,
// and a ratio that of the rounds' ratios. Prints; gates nothing.
//   npm run bench -- arranged [--rounds 9] [--connections 4] [--records 40000] [--shape small]
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experimentsKey } from "../format/experiments-pointer.ts";
import { median } from "../trainer/metrics/median.ts";
import { table } from "../trainer/terminal/table.ts";
import { Driver } from "./http/drive.ts";
import { startBenchKv } from "./http/kv.ts";
import { type Contestant, measure } from "./http/measure.ts";
import { BODIES, HTTP_SHAPES, httpModel, kvPairs } from "./http/model.ts";
import { bundleWorker, startWithExperiments } from "./http/server.ts";
import { benchOptions } from "./options.ts";
import { medianInterval, ratios } from "./ratio.ts";

const { values: options } = benchOptions({
  options: {
    rounds: { type: "string", default: "9" },
    connections: { type: "string", default: "4" },
    records: { type: "string", default: "40000" },
    shape: { type: "string", default: "small" },
  },
});
const pace = {
  rounds: Number(options.rounds),
  connections: Number(options.connections),
  records: Number(options.records),
};
const CANDIDATES = 100;
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
await bundleWorker(null, folder);
const model = await httpModel(HTTP_SHAPES[options.shape], "first", 1);
const unit = Object.keys((model.bodies({ path: "/v1/rank", records: 1 }, 1)[0] as { context: object }).context)[0];
const pairs = kvPairs([model]).set(experimentsKey(), JSON.stringify({ features: featuresOf(unit) }));
const kv = stack.use(await startBenchKv(pairs, "quick"));
const queue = await startQueue();
stack.defer(queue.close);
const texts = { EXPERIMENT_SECRETS: "s".repeat(32), ROW_DEADLINE_MS: "10000" };
const server = stack.use(await startWithExperiments(folder, kv, texts, queue.address));

const ids = Array.from({ length: CANDIDATES }, (_, i) => `sku-${(i * 7919 + 13) % 100_003}`);
const bodies = model
  .bodies({ path: "/v1/rank", records: CANDIDATES, sorted: true }, BODIES)
  .map((body) => ({ ...body, ids }));
const turns = await measure(
  driver,
  [contestant("plain", null), ...Object.keys(ARMS).map((name) => contestant(name, name))],
  pace,
);
const [plain] = turns;
const rows = turns.map(({ name, cpu }) => {
  const { median: ratio, low, high } = medianInterval(ratios(cpu, plain.cpu));
  return [name, median(cpu).toFixed(3), ratio.toFixed(2), `${low.toFixed(2)}–${high.toFixed(2)}`];
});
console.log(`/v1/rank of ${CANDIDATES} candidates, ${options.shape} DeepFM: ${pace.rounds} rounds`);
console.log(table(["arm", "CPU ms", "by plain", "95 % interval"], rows));
console.log(`${queue.messages()} messages in the queue, ${(queue.bytes() / 2 ** 20).toFixed(1)} MiB`);

function contestant(name: string, list: string | null): Contestant {
  const own = bodies.map((body) => JSON.stringify(list === null ? body : { ...body, experiment: list }));
  return { name, server, path: "/v1/rank", records: CANDIDATES, bodies: own };
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

/** Takes what a queue's producer sends, and keeps none of it. */
async function startQueue() {
  let [messages, bytes] = [0, 0];
  const http = createServer((request, response) => {
    messages++;
    request.on("data", (part: Buffer) => {
      bytes += part.length;
    });
    request.on("end", () => response.end("{}"));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    messages: () => messages,
    bytes: () => bytes,
    close: () => void http.close().closeAllConnections(),
  };
}
