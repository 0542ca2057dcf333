// What late rows cost in quality: a labeled log is scored over HTTP by a trained model, and of a share of its records,
// drawn at random, each by a request of its own to an isolate whose pages never arrive. Once the deadline is over,
// these score with the OOV rows in place of those that lie in pages. Compares the logloss of all with that of the same
// log with every row, for several heads: budgets of bytes for rows in the blob. The mean over all draws is known too,
// since every record is also scored without pages, many in a request. Nothing of it depends on time. Prints ratios;
// gates nothing.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readManifest } from "../format/read-blob.ts";
import { MOST_ROW_BYTES } from "../format/spec.ts";
import { Random } from "../trainer/data/random.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { loglossOfScores } from "../trainer/metrics/logloss.ts";
import { integerWithin, numberWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { loadRun } from "../trainer/training/run-folder.ts";
import { exportHeads } from "./degraded/heads.ts";
import { labeledRecords } from "./degraded/labeled-records.ts";
import { scoreAll } from "./degraded/score-all.ts";
import { waitUntilLoaded } from "./http/cold.ts";
import { type KvReads, startBenchKv } from "./http/kv.ts";
import { kvPairs } from "./http/model.ts";
import { bundleWorker, startBundle } from "./http/server.ts";
import { benchOptions, option, required } from "./options.ts";
import { JSON_FILE, listOf, logPath, readBy } from "./values.ts";

const options = benchOptions({
  "--run <folder>": required("the folder of a trained run", readBy(loadRun)),
  "--test <path...>": required("a labeled log: files, folders or globs", logPath),
  "--heads <n,…>": option(
    "bytes for rows in the blob, of each head",
    listOf(integerWithin(0, MOST_ROW_BYTES)),
    [32_768, 65_536, 98_304],
  ),
  "--share <x>": option("share of the records whose rows are late", numberWithin(0.0001, 1), 0.05),
  "--seed <n>": option("which records", integerWithin(0, 2 ** 32 - 1), 1),
  "--json <file>": JSON_FILE,
});
const { share, json } = options;

/** Milliseconds that a request waits for rows, where none come and where all do. */
const [DEADLINE_MS, PATIENT_MS] = [50, 10_000];
/** Records of a request: one of those whose rows are late, and many of the others, whose scores are the same in any. */
const [FEW, MANY] = [1, 500];
/** Requests under way. */
const CONNECTIONS = 8;
/** The bar: what the logloss may grow to. */
const MOST = 1.02;

interface Result {
  blobBytes: number;
  rows: { blob: number; paged: number };
  /** Of all records: with every row, with those of the drawn ones missing, and with those of each missing. */
  logloss: { whole: number; drawn: number; none: number };
  /** To the logloss with every row: of this draw, and in the mean over all draws. */
  ratio: { drawn: number; mean: number };
  /** Of the requests that get no page, those that lacked a row. */
  lacking: number;
}

const bundle = mkdtempSync(join(tmpdir(), "deepfm-edge-degraded-"));
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(bundle, { recursive: true, force: true }));
await bundleWorker(null, bundle);
const heads = await exportHeads(options.run, options.heads, join(bundle, "cache"));
const { spec: fitted } = readManifest(heads[0].exported.blob);
const { records, labels } = await labeledRecords(fitted, options.test);
const random = new Random(options.seed);
const drawn = records.flatMap((_, i) => (random.uniform() < share ? [i] : []));

const results: Result[] = [];
for (const { blobBytes, exported, rows } of heads) {
  const whole = await score(exported, "quick", PATIENT_MS, records, MANY);
  if (whole.degraded > 0) throw new Error(`got ${whole.degraded} answers without all rows, expected none`);
  const some = drawn.map((record) => records[record]);
  const late = await score(exported, "without pages", DEADLINE_MS, some, FEW);
  const none = await score(exported, "without pages", DEADLINE_MS, records, MANY);
  const mixed = whole.scores.slice();
  drawn.forEach((record, i) => {
    if (late.scores[i] !== none.scores[record])
      throw new Error(`record ${record}: got ${late.scores[i]} alone, expected ${none.scores[record]} as among others`);
    mixed[record] = late.scores[i];
  });
  const of = (scores: Float64Array): number => loglossOfScores(scores, labels);
  const logloss = { whole: of(whole.scores), drawn: of(mixed), none: of(none.scores) };
  const ratio = { drawn: logloss.drawn / logloss.whole, mean: 1 - share + (share * logloss.none) / logloss.whole };
  results.push({ blobBytes, rows, logloss, ratio, lacking: late.degraded / drawn.length });
}
console.log(
  `${records.length.toLocaleString("en")} records over HTTP, ${drawn.length.toLocaleString("en")} of them without pages`,
);
console.log(
  table(
    ["head, bytes", "rows in it", "lack a row", "logloss", "drawn", "ratio", "mean ratio", `at most ${MOST}`],
    results.map(({ blobBytes, rows, logloss, ratio, lacking }) => [
      blobBytes.toLocaleString("en"),
      `${percent(rows.blob / (rows.blob + rows.paged))} of ${(rows.blob + rows.paged).toLocaleString("en")}`,
      percent(lacking),
      logloss.whole.toFixed(5),
      logloss.drawn.toFixed(5),
      ratio.drawn.toFixed(4),
      ratio.mean.toFixed(4),
      ratio.mean <= MOST ? "holds" : "fails",
    ]),
  ),
);
if (json) writeWhole(json, toJson({ share, seed: options.seed, results }));

async function score(
  exported: ExportedModel,
  reads: KvReads,
  deadlineMs: number,
  some: readonly object[],
  perRequest: number,
) {
  await using kv = await startBenchKv(kvPairs([{ name: exported.model, exported }]), reads);
  await using server = await startBundle(bundle, kv, deadlineMs, reads === "without pages");
  await waitUntilLoaded(server);
  return await scoreAll(server.url, some, perRequest, CONNECTIONS);
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}
