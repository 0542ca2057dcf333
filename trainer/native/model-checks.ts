import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseWith } from "../../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema, MODEL_TYPES } from "../../format/spec.ts";
import { generateLog } from "../data/generate.ts";
import type { LogPart } from "../data/logs.ts";
import { Random } from "../data/random.ts";
import { openTrainingLog } from "../data/training-log.ts";
import type { Backend } from "../engine/backends.ts";
import type { EngineName } from "../engine/engines.ts";
import { within } from "../terminal/progress.ts";
import { startLearner, train } from "../training/train.ts";
import type { Check } from "./basic-checks.ts";

// The trainer's own models on a native backend, beside our engine in AssemblyScript, which is of another make: same
// seed, log and dropout, so that all that differs is rounding.

/** Rows of the generated log. */
const ROWS = 60_000;
const EPOCHS = 3;
/** Steps of each model. */
const STEPS = 4;
/** What rounding may do to a logit in STEPS steps, and to the AUC of an epoch. */
const MAX_LOGIT_ERROR = 1e-3;
const MAX_AUC_ERROR = 3e-3;

const FIELDS = [
  { name: "user", type: "categorical", side: "context" },
  { name: "country", type: "categorical", side: "context" },
  { name: "item", type: "categorical", side: "item" },
  { name: "price", type: "numeric", encoding: { kind: "log2" }, side: "item" },
  { name: "tags", type: "multi-categorical", separator: "|", side: "item" },
];

function specOf(model: object, training: object): FeatureSpec {
  return parseWith(
    FeatureSpecSchema,
    { name: "native", label: "label", fields: FIELDS, model, training },
    "native test",
  );
}

/** Runs all of them on a generated log, and says each as it is done. */
export async function runModelChecks(backend: Backend, onCheck: (check: Check) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-native-test-"));
  try {
    await within("native test", async () => {
      const log = await generateLog(join(folder, "log"), ROWS, 7, { advance() {}, done() {} });
      const logs = { train: { paths: [log.train] }, valid: { paths: [log.valid] }, cache: join(folder, "cache") };
      for (const type of MODEL_TYPES) onCheck(await checkModel(type, logs.train, logs.cache));
      onCheck(await checkTraining(backend, logs));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same steps by both engines. */
async function checkModel(type: (typeof MODEL_TYPES)[number], log: LogPart, cache: string): Promise<Check> {
  const model = { type, embeddingDim: 8, hidden: [64, 32], dropout: 0.1, batchNorm: true };
  const asked = specOf(model, { batchSize: 512, learningRate: 0.003 });
  const opened = await openTrainingLog(asked, log, cache);
  const logitsOf = async (engine: EngineName): Promise<Float32Array> => {
    const learner = await startLearner(opened.spec, opened, { engine, threads: 1 });
    let [logits, left]: [Float32Array, number] = [new Float32Array(), STEPS];
    for await (const { dataset, records } of opened.source.epoch(new Random(5))) {
      learner.step(dataset, records, opened.spec.training.learningRate);
      if (--left > 0) continue;
      logits = learner.predict(dataset);
      break;
    }
    return logits;
  };
  const [got, expected] = [await logitsOf("tfjs"), await logitsOf("assembly")];
  const error = expected.reduce((most, logit, i) => Math.max(most, Math.abs((got[i] ?? Number.NaN) - logit)), 0);
  const passed = expected.length > 0 && error < MAX_LOGIT_ERROR;
  return {
    name: type,
    passed,
    figure: `logits of ${expected.length} records after ${STEPS} steps differ by ${error.toExponential(1)}`,
  };
}

/** A whole training by both: AUC by epoch, and records a second of each. */
async function checkTraining(
  backend: Backend,
  logs: { train: LogPart; valid: LogPart; cache: string },
): Promise<Check> {
  const model = { type: "DeepFM", embeddingDim: 8, hidden: [128, 64], dropout: 0.1 };
  const spec = specOf(model, { batchSize: 1024, learningRate: 0.004, maxEpochs: EPOCHS, patience: EPOCHS });
  const run = async (asked: { backend: Backend } | { engine: "assembly" }) => {
    const { epochs, seconds } = await train(spec, { ...logs, ...asked });
    return { aucs: epochs.map(({ auc }) => auc), rate: Math.round((0.8 * ROWS * epochs.length) / seconds) };
  };
  const [got, expected] = [await run({ backend }), await run({ engine: "assembly" })];
  const error = expected.aucs.reduce((most, auc, i) => Math.max(most, Math.abs((got.aucs[i] ?? Number.NaN) - auc)), 0);
  const text = ({ aucs, rate }: typeof got): string =>
    `AUC ${aucs.map((auc) => auc.toFixed(4)).join(" ")}, ${rate.toLocaleString("en")} records/s`;
  const figure = `${text(got)}; AssemblyScript: ${text(expected)}`;
  return { name: "training", passed: error < MAX_AUC_ERROR, figure };
}
