import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { makeProgram } from "../cli/commands/program.ts";
import { publish } from "../deploy/publish.ts";
import { serve } from "../deploy/serve.ts";
import { columnsOf } from "../format/columns.ts";
import { Page } from "../format/page.ts";
import { type FeatureSpec, parseFeatureSpec } from "../format/spec.ts";
import { kernelModule } from "../runtime/node.ts";
import { placeBlob } from "../runtime/placed-blob.ts";
import { Scorer } from "../runtime/scorer.ts";
import { csvRows } from "../testing/csv-rows.ts";
import { officeLog, serviceLog, shopLog } from "../testing/messy-logs.ts";
import { openHeldOutLog } from "../trainer/data/held-out-log.ts";
import { openPart } from "../trainer/data/logs.ts";
import { scoreHeldOut } from "../trainer/evaluation/held-out.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import { type ExportedRun, exportRun } from "../trainer/export/export-run.ts";
import type { Quantization } from "../trainer/export/quantization.ts";
import { chosenOf, DEFAULT_LIMITS } from "../trainer/export/report.ts";
import { runRecord } from "../trainer/training/run-record.ts";
import { type TrainingResult, train } from "../trainer/training/train.ts";

// What a log's reader knows of a value and what a client sends of it are one: init's spec is trained on as it is, with
// no edit and no SQL, and then a client sends the cells of every row of the log as its file has them.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-messy-"));
afterAll(() => rmSync(folder, { recursive: true }));
const RECORDS = 600;
/** What float32 sums in another order, and a probability in place of its logit, may change. */
const FLOAT32 = 2e-5;

type Row = Record<string, unknown>;

const jsonRows = (text: string): Row[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const LOGS: [name: string, file: string, content: string, rows: (text: string) => Row[]][] = [
  ["a shop's CSV", "shop.csv", shopLog(RECORDS), csvRows],
  ["a European office's CSV", "office.csv", officeLog(RECORDS), (text) => csvRows(text, ";")],
  ["a service's JSON lines", "service.jsonl", serviceLog(RECORDS), jsonRows],
];

/** The spec that `init --yes` writes, with a model that is trained in a second. */
async function initialized(path: string): Promise<FeatureSpec> {
  const out = `${path}.json`;
  const args = ["init", path, "--yes", "--out", out];
  await (await makeProgram(args)).parseAsync(args, { from: "user" });
  const spec = parseFeatureSpec(readFileSync(out, "utf8"), out);
  return {
    ...spec,
    model: { ...spec.model, embeddingDim: 4, hidden: [16] },
    training: { ...spec.training, batchSize: 64, learningRate: 0.01, maxEpochs: 3 },
  };
}

async function exported(trained: TrainingResult, path: string, quantization: Quantization): Promise<ExportedRun> {
  const { spec } = trained;
  await using all = await openPart(spec, { paths: [path] });
  return await exportRun(trained, {
    folder: join(folder, spec.name, quantization),
    quantization,
    limits: DEFAULT_LIMITS,
    calibrationLog: await openHeldOutLog(spec, trained, { paths: [path], part: "valid" }, join(folder, "cache")),
    heldOutLog: all,
    trainedWith: runRecord(spec, trained.engine),
    force: true,
  });
}

/** The logits that the Worker answers with, of records sent a few at a time. */
async function logitsOverHttp(model: ExportedModel, records: readonly Row[]): Promise<number[]> {
  const store = join(folder, model.model, "kv");
  await publish(model, { remote: false, persistTo: store });
  await using server = await serve(store);
  const logits: number[] = [];
  for (let i = 0; i < records.length; i += 250) {
    const body = JSON.stringify({ records: records.slice(i, i + 250) });
    const headers = { "content-type": "application/json" };
    // A model that takes long to load has the client come again.
    const answer = await vi.waitFor(
      async () => {
        const response = await fetch(new URL("v1/score", server.url), { method: "POST", headers, body });
        const answer = await response.json();
        expect(answer).toMatchObject({ version: model.version });
        return answer;
      },
      { timeout: 120_000, interval: 100 },
    );
    for (const p of (answer as { scores: number[] }).scores) logits.push(Math.log(p / (1 - p)));
  }
  return logits;
}

/** The same records in the kernel, here. */
function logitsInKernel({ blob, pages }: ExportedModel, records: readonly Row[]): Float32Array {
  const scorer = new Scorer(placeBlob(kernelModule(), blob));
  const read = new Map(pages.map(({ bytes }, page) => [page, new Page(bytes, scorer.manifest, page)]));
  return scorer.score(scorer.locate(scorer.encode(records)), read).logits;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (x, i) => Math.abs(x - (b[i] ?? Number.NaN))).reduce((most, x) => Math.max(most, x), 0);
}

test.each(LOGS)("every row of %s scores as the trainer scored it", async (_, file, content, rowsOf) => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const path = join(folder, file);
  writeFileSync(path, content);
  const spec = await initialized(path);
  const of = (part: "train" | "valid") => ({ paths: [path], part });
  const cache = join(folder, "cache");
  const trained = await train(spec, { train: of("train"), valid: of("valid"), cache, backend: "cpu" });
  const { predictions } = await scoreHeldOut(trained, { paths: [path] }, cache);

  const columns = columnsOf(trained.fitted.fields);
  const rows = rowsOf(content);
  // A row lacks the keys that its line lacks.
  const records = rows.map((row) =>
    Object.fromEntries(columns.flatMap((name) => (name in row ? [[name, row[name]]] : []))),
  );
  expect(records).toHaveLength(RECORDS);

  const float32 = await exported(trained, path, "f32");
  const served = await logitsOverHttp(float32.exported, records);
  expect(largestDifference(served, predictions.logits)).toBeLessThan(FLOAT32);

  const int8 = await exported(trained, path, "int8");
  const bound = chosenOf(int8.report).logitDifference.max;
  expect(largestDifference(logitsInKernel(int8.exported, records), predictions.logits)).toBeLessThanOrEqual(bound);
});
