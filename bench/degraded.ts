// What late rows cost in quality: a labelled log is scored over HTTP with an export, and of a share of its records,
// drawn at random, each by a request of its own to an isolate whose pages never arrive. Once the deadline is over,
// these score with the OOV rows in place of those that lie in pages. Compares the logloss of all with that of the same
// log with every row. Nothing of it depends on time. Prints a ratio; gates nothing.
//   npm run bench -- degraded --export FOLDER --test FILE [--share 0.05] [--seed 1] [--json FILE]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readManifest } from "../format/read-blob.ts";
import { Random } from "../trainer/data/random.ts";
import { loadExport } from "../trainer/export/export.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { auc } from "../trainer/metrics/auc.ts";
import { loglossOfScores } from "../trainer/metrics/logloss.ts";
import { table } from "../trainer/terminal/table.ts";
import { labelledRecords } from "./degraded/labelled-records.ts";
import { scoreAll } from "./degraded/score-all.ts";
import { waitUntilLoaded } from "./http/cold.ts";
import { type KvReads, startBenchKv } from "./http/kv.ts";
import { kvPairs } from "./http/model.ts";
import { bundleWorker, startBundle } from "./http/server.ts";

const { values: options } = parseArgs({
  options: {
    export: { type: "string" },
    test: { type: "string", multiple: true },
    share: { type: "string", default: "0.05" },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
  },
});
if (options.export === undefined || options.test === undefined)
  throw new Error("got no --export or no --test, expected the folder of an export and a labelled log");

/** Milliseconds that a request waits for rows, where none come and where all do. */
const [DEADLINE_MS, PATIENT_MS] = [50, 10_000];
/** Records of a request: one of those whose rows are late, and many of the others, whose scores are the same in any. */
const [FEW, MANY] = [1, 500];
/** Requests under way. */
const CONNECTIONS = 8;
/** The bar: what the logloss may grow to. */
const MOST = 1.02;

const exported = await loadExport(options.export);
const { spec: fitted } = readManifest(exported.blob);
const { records, labels } = await labelledRecords(fitted, options.test);
const random = new Random(Number(options.seed));
const share = Number(options.share);
const drawn = records.flatMap((_, i) => (random.uniform() < share ? [i] : []));

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-degraded-"));
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
await bundleWorker(null, folder);
const whole = await score("quick", PATIENT_MS, records, MANY);
if (whole.degraded > 0) throw new Error(`got ${whole.degraded} answers without all rows, expected none`);
const late = await score(
  "without pages",
  DEADLINE_MS,
  drawn.map((i) => records[i]),
  FEW,
);
const mixed = whole.scores.slice();
drawn.forEach((record, i) => {
  mixed[record] = late.scores[i];
});

const of = (scores: Float64Array, only?: readonly number[]) => {
  const truth = only ? Uint8Array.from(only, (i) => labels[i]) : labels;
  const some = only ? Float64Array.from(only, (i) => scores[i]) : scores;
  return { records: some.length, auc: auc(some, truth), logloss: loglossOfScores(some, truth) };
};
const rows = [
  { name: "all rows", ...of(whole.scores) },
  { name: `${100 * share} % without pages`, ...of(mixed) },
  { name: "those alone, with all rows", ...of(whole.scores, drawn) },
  { name: "those alone, without pages", ...of(mixed, drawn) },
];
console.log(
  table(
    ["over HTTP", "records", "AUC", "logloss"],
    rows.map((row) => [row.name, row.records.toString(), row.auc.toFixed(5), row.logloss.toFixed(5)]),
  ),
);
const ratio = rows[1].logloss / rows[0].logloss;
console.log(
  `${late.degraded} of ${drawn.length} requests lacked rows; logloss ${ratio.toFixed(4)} × that of all rows, at most ` +
    `${MOST}: ${ratio <= MOST ? "holds" : "fails"}`,
);
if (options.json) writeWhole(options.json, toJson({ share, seed: options.seed, rows, ratio, degraded: late.degraded }));

async function score(reads: KvReads, deadlineMs: number, some: readonly object[], perRequest: number) {
  await using kv = await startBenchKv(kvPairs([{ name: exported.model, exported }]), reads);
  await using server = await startBundle(folder, kv, deadlineMs);
  await waitUntilLoaded(server);
  return await scoreAll(server.url, some, perRequest, CONNECTIONS);
}
