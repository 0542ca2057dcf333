import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseWith } from "../../format/parse.ts";
import { FeatureSpecSchema } from "../../format/spec.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { Random } from "../../trainer/data/random.ts";
import { openTrainingLog } from "../../trainer/data/training-log.ts";
import { startBackend } from "../../trainer/engine/backend.ts";
import { tfjsEngine } from "../../trainer/engine/tfjs-engine.ts";
import { exportModel } from "../../trainer/export/export.ts";
import { Learner } from "../../trainer/model/learner.ts";
import { table } from "../../trainer/terminal/table.ts";
import { processorMs } from "../processor-time.ts";
import { medianRatio, rounded } from "../ratio.ts";

// What a spline's second row costs, where a third of the fields are numbers, as in Criteo's log: 13 of 39.

const NUMBERS = 13;
const CATEGORIES = 26;
const RECORDS = 4096;
const BATCH = 1024;
const SCORED = 512;
const ROUNDS = 30;
const ENCODINGS = { log2: { kind: "log2" }, spline: { kind: "spline" } };

/** Times the same work with bins and with splines, in turns. Returns a table of the ratios of processor time. */
export async function numericCost(folder: string): Promise<string> {
  await startBackend("wasm");
  const names = Array.from({ length: NUMBERS + CATEGORIES }, (_, i) =>
    i < NUMBERS ? `I${i + 1}` : `C${i - NUMBERS + 1}`,
  );
  const random = new Random(1);
  const records = Array.from({ length: RECORDS }, () =>
    names.map((name) => (name.startsWith("I") ? Math.round(Math.exp(3 + 2 * random.normal())) : random.integer(1000))),
  );
  const path = join(folder, "cost.csv");
  writeFileSync(path, `label,${names}\n${records.map((cells, i) => `${i % 2},${cells}`).join("\n")}\n`);
  const requests = records
    .slice(0, SCORED)
    .map((cells) => Object.fromEntries(cells.map((value, i) => [names[i] as string, value])));

  const models = await Promise.all(Object.values(ENCODINGS).map((encoding) => modelOf(names, path, folder, encoding)));
  const work = {
    "a training step": models.map(({ step }) => step),
    "encoding a request's records": models.map(
      ({ scorer }) =>
        () =>
          void scorer.encode(requests),
    ),
    "encoding and scoring them": models.map(
      ({ scorer }) =>
        () =>
          void scorer.score(scorer.locate(scorer.encode(requests)), new Map()),
    ),
  };
  const lines = Object.entries(work).map(([name, runs]) => {
    const times: number[][] = runs.map(() => []);
    for (let round = 0; round < 2 * ROUNDS; round++) {
      for (const [i, run] of runs.entries()) {
        const start = processorMs();
        run();
        if (round >= ROUNDS) times[i]?.push(processorMs() - start); // what comes before warms up
      }
    }
    const [bins = [], splines = []] = times;
    return [name, rounded(medianRatio(splines, bins))];
  });
  return table([`${NUMBERS} numbers and ${CATEGORIES} categories`, "time, spline / log2"], lines);
}

async function modelOf(names: readonly string[], path: string, folder: string, encoding: object) {
  const fields = names.map((name) =>
    name.startsWith("I") ? { name, type: "numeric", encoding } : { name, type: "categorical" },
  );
  const model = { embeddingDim: 10, hidden: [128, 64] };
  const asked = parseWith(FeatureSpecSchema, { name: "cost", fields, model, training: { batchSize: BATCH } }, "cost");
  const log = { paths: [path] };
  const cache = join(folder, "cache");
  const { spec, fitted, vocabulary } = await openTrainingLog(asked, log, cache);
  const learner = new Learner(spec, vocabulary, tfjsEngine);
  const dataset = await (await openHeldOutLog(spec, { fitted, vocabulary }, log, cache)).head(BATCH);
  const batch = Uint32Array.from({ length: BATCH }, (_, i) => i);
  const { blob } = await exportModel({ spec, fitted, vocabulary, learner }, "int8", dataset);
  const step = (): void => void learner.step(dataset, batch, 1e-3);
  return { step, scorer: new Scorer(placeBlob(kernelModule(), blob)) };
}
