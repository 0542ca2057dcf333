// What the Worker's load of a model takes, from a blob of 20 MB to a model that serves with every check done:
// milliseconds of processor time for each step (load/steps.ts), in Node and in workerd, and MB/s for the steps that
// pass over the whole blob; for a blob that is signed and one that is not. Each step has its turn in each round, so
// that a slow moment of the machine falls on all; a time is the median of the faster half of the rounds. Beside them
// the first load of a fresh workerd, in which its engine compiles the kernel. Prints; gates nothing.
import { kernelModule } from "../runtime/node.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { DevWorker } from "./dev-worker.ts";
import { type BenchBlob, benchBlobs } from "./load/blob.ts";
import { LoadSteps, STEPS, type StepName } from "./load/steps.ts";
import { benchOptions, option } from "./options.ts";
import { processorMs } from "./processor-time.ts";
import { rounded } from "./ratio.ts";
import { JSON_FILE } from "./values.ts";

/** Takes a step `times` times. Returns milliseconds of processor time in all. */
type Runtime = (step: string, times: number) => Promise<number>;

interface Result {
  blob: string;
  bytes: number;
  step: string;
  runtime: string;
  /** Milliseconds of processor time to take the step once. */
  ms: number;
}

/** How often a turn takes a step: seldom, since each time may leave a memory of 20 MB to be collected. */
const TIMES = 3;
/** Steps that do not pass over the whole blob are short: a turn takes them more often, and they have no MB/s. */
const SHORT_STEPS: readonly string[] = ["signature", "manifest", "golden"];
const SHORT_TIMES = 60;
/** How often workerd is started to measure its first load. */
const STARTS = 3;
/** Before it loads a blob, the Worker reads it from KV into the kernel's memory; for comparison, into a buffer too. */
const READS = ["KV to memory", "KV to buffer"];
const FIRST = "first place and load";
const NOTHING = new Uint8Array(0);
const CONFIG = new URL("load/worker/wrangler.toml", import.meta.url);

const { rounds, json } = benchOptions({
  "--rounds <n>": option("rounds, in each of which each step has its turn", integerWithin(1, 1000), 9),
  "--json <file>": JSON_FILE,
});
const results: Result[] = [];
for (const bench of await benchBlobs()) {
  const add = (step: string, runtime: string, ms: number): void => {
    results.push({ blob: bench.name, bytes: bench.blob.length, step, runtime, ms: rounded(ms) });
  };
  const firsts: number[] = [];
  for (let start = 0; start < STARTS; start++) firsts.push(await firstLoad(bench));
  add(FIRST, "workerd", fasterHalf(firsts));
  const worker = await startWith(bench);
  const node = inNode(bench);
  const workerd: Runtime = (step, times) => worker.requestMs({ step, times }, NOTHING);
  const jobs = [
    ...STEPS.flatMap((step) => [
      { step, runtime: "node", run: node },
      { step, runtime: "workerd", run: workerd },
    ]),
    ...READS.map((step) => ({ step, runtime: "workerd", run: workerd })),
  ].map((job) => ({ ...job, count: SHORT_STEPS.includes(job.step) ? SHORT_TIMES : TIMES, once: [0], twice: [0] }));
  for (let round = 0; round <= rounds; round++) {
    for (const { step, run, count, once, twice } of jobs) {
      // The first round warms up: the second one writes over its times.
      once[Math.max(0, round - 1)] = await run(step, count);
      twice[Math.max(0, round - 1)] = await run(step, 2 * count);
    }
  }
  await worker.stop();
  // The difference leaves out what a turn takes only once, such as a request. The faster half is taken of either time
  // first, as both have a lower bound; their difference in one round has none.
  for (const { step, runtime, count, once, twice } of jobs)
    add(step, runtime, (fasterHalf(twice) - fasterHalf(once)) / count);
  print(bench);
}
if (json) writeWhole(json, toJson({ results }));

async function startWith({ blob, version, publicKey }: BenchBlob): Promise<DevWorker> {
  const worker = await DevWorker.start(CONFIG);
  await worker.fetch({ version, key: publicKey }, "PUT", blob);
  return worker;
}

/** Milliseconds of a fresh workerd's first load, compilation included: a request that loads less one that does not. */
async function firstLoad(bench: BenchBlob): Promise<number> {
  const worker = await startWith(bench);
  const without = await worker.requestMs({ step: "place and load", times: 0 }, NOTHING);
  const ms = await worker.requestMs({ step: "place and load", times: 1 }, NOTHING);
  await worker.stop();
  return ms - without;
}

function inNode({ blob, version, publicKey }: BenchBlob): Runtime {
  const steps = new LoadSteps(kernelModule("relaxed"), blob, version, publicKey);
  return async (step, times) => {
    const started = processorMs();
    await steps.take(step as StepName, times);
    return processorMs() - started;
  };
}

/** The median of the faster half, because other programs on the machine only ever slow a turn down. */
function fasterHalf(times: readonly number[]): number {
  return median(times.toSorted((a, b) => a - b).slice(0, Math.ceil(times.length / 2)));
}

function print({ name, blob }: BenchBlob): void {
  const cells = (step: string): string[] =>
    ["node", "workerd"].flatMap((runtime) => {
      const found = results.find(
        (result) => result.blob === name && result.step === step && result.runtime === runtime,
      );
      if (!found) return ["", ""];
      return [found.ms.toFixed(2), SHORT_STEPS.includes(step) ? "" : (blob.length / 1e3 / found.ms).toFixed(0)];
    });
  console.log(`\n${name} blob of ${(blob.length / 1e6).toFixed(2)} MB, Node ${process.versions.node}`);
  console.log(
    table(
      ["step", "node ms", "MB/s", "workerd ms", "MB/s"],
      [...STEPS, FIRST, ...READS].map((step) => [step, ...cells(step)]),
    ),
  );
}
