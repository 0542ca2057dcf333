// `npm run bench -- NAME [options]` builds the kernels and runs a benchmark; without a name, it lists the benchmarks.
// The head of bench/NAME.ts says what it measures and how, and `--help` prints that and the options.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { table } from "../../trainer/terminal/table.ts";

const BENCHMARKS: Record<string, string> = {
  catalogue: "Workers KV keys of requests that rank items by their ids, where most of the items are in pages",
  cache: "what an isolate's cache of rows answers, by what it keeps and what it drops, and ns a look-up",
  data: "records/s and peak memory of reading, encoding and streaming 20 million generated records",
  degraded: "logloss of a log over HTTP where the rows of a share of the requests never come, against all rows",
  delta: "bytes that an update uploads where 1 % of a million rows have changed; its scores are a full export's",
  kernel: "µs a record of the scoring kernel, in Node and workerd: against the roofline, onnxruntime and TensorFlow.js",
  load: "ms to load a model blob of 20 MB with every check, in Node and workerd, by step",
  matmul: "the trainer's matrix product against the one of TensorFlow.js's wasm backend",
  publish: "seconds and peak memory of publishing a million rows, or as many as are asked for",
  experiments: "orders against their probabilities, A/A tests and off-policy estimates where the truth is known",
  "off-policy": "our off-policy estimates and intervals beside Open Bandit Pipeline's, of the rounds that come with it",
  aa: "experiments without an effect, through Worker, queue, R2 and analyze: none may find units missing",
  assignment:
    "units of experiments over buckets and arms: uniform, independent of one another, and not moved by a ramp",
  arranged: "processor time of ranking 100 candidates through an experiment, against ranking them without one",
  exposures: "lines of three arms through a queue and R2 that fail: none is lost uncounted; µs to make a line",
  analyze: "what analyze says of experiments' logs that have lost units or lines, and the seconds that it takes",
  price: "Workers KV keys that requests read, and $ for a million of them",
  location: "keys that KV bills, and processor time a page, with the cache that isolates of one location share",
  replay: "keys that the Worker reads of a replayed log, against what the planner says; exits with 1 beyond 15 %",
  http: "processor time, latency and KV keys of requests to the Worker: beside an empty one and other runtimes",
  rank: "candidates/s of ranking a list over HTTP: whole records, the context once, a catalogue's items",
  rerank: "processor time of re-ranking a page in front of an origin; checks pages that are hard to parse before",
  messy: "AUC of the spec that init writes for messy logs: against one by hand, and against LightGBM",
  tables: "AUC of LR, FM and DeepFM on your logs with what init and the log itself say: against LightGBM",
  engines: "AUC and training time of your spec and logs on each engine, over seeds",
  train: "records/s of training, ms of a step by part, peak memory: our engines, PyTorch, FuxiCTR, DeepCTR-Torch",
  numeric: "AUC and logloss of the encodings of numbers, on generated and public logs, for LR, FM and DeepFM",
  rare: "predicted against observed clicks of LR, FM and DeepFM with settings by the log, where clicks are rare",
  optimizers: "ns a touched row of each row optimizer, and against dense Adam over the whole table",
};

const [name, ...args] = process.argv.slice(2);
if (name !== undefined && Object.hasOwn(BENCHMARKS, name)) {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  for (const script of ["scripts/build-kernel.ts", `bench/${name}.ts`]) {
    const own = script.startsWith("bench/");
    const { status } = spawnSync(process.execPath, [script, ...(own ? args : [])], {
      cwd: root,
      stdio: own ? "inherit" : "ignore",
    });
    if (status !== 0) process.exit(status ?? 1);
  }
} else {
  console.log(table(["benchmark", "measures"], Object.entries(BENCHMARKS)));
  console.log("kernel, rank and http: --against FOLDER compares with another checkout, in turns in the same run");
  console.log("npm run bench -- NAME --help says what one does, and what its options are");
  const isWrong = name !== undefined && name !== "--help" && name !== "-h";
  if (isWrong) console.error(`error: got benchmark ${name}, expected one of those above`);
  process.exitCode = isWrong ? 2 : 0;
}
