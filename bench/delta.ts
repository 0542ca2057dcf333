// What a small change costs: a model of many rows is published into the local KV, 1 % of its rows, drawn evenly, get
// other values, and it is published again as an update. Prints the bytes of the update, and of what is uploaded of it,
// as KV holds them: pages are base64 text, and the blob a patch; history, pointer and manifest are not counted. Throws
// where random records do not score as with a full export, bit for bit, or KV does not give the update's blob back.
// Gates nothing else.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type StoreTarget } from "../deploy/kv/open-store.ts";
import { publish } from "../deploy/publish.ts";
import { storedBlob } from "../deploy/stored-version.ts";
import { toHex } from "../format/hash.ts";
import { Page } from "../format/page.ts";
import { blobKey } from "../format/store.ts";
import { kernelModule } from "../runtime/node.ts";
import { placeBlob } from "../runtime/placed-blob.ts";
import { Scorer } from "../runtime/scorer.ts";
import { startBackend } from "../trainer/engine/backend.ts";
import { type DraftExport, type ExportedModel, exportModel, openExport, saveExport } from "../trainer/export/export.ts";
import type { Quantization } from "../trainer/export/quantization.ts";
import { sealExport } from "../trainer/export/seal.ts";
import { noUpdateText, updateText } from "../trainer/export/update.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { integerWithin, numberWithin } from "../trainer/terminal/number-option.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { changeRows, type LargeShape, largeModel, randomRecords, randomSet } from "./delta/model.ts";
import { benchOptions, option } from "./options.ts";
import { JSON_FILE } from "./values.ts";

/** Records that are scored with both exports. */
const SCORED = 100_000;
/** How many of them at a time. */
const BATCH = 10_000;
/** Records that the quantized layers are fitted on. */
const CALIBRATION_SET = 4096;

const { rows, share, json } = benchOptions({
  "--rows <n>": option("rows of the model", integerWithin(1000, 1e8), 1_000_000),
  "--share <x>": option("share of the rows that change", numberWithin(0, 1), 0.01),
  "--json <file>": JSON_FILE,
});
const changed = Math.round(rows * share);

interface Case extends Omit<LargeShape, "rows"> {
  quantization: Quantization;
  filterBits?: number;
}

interface Result extends Case {
  /** Bytes of all values of the update, of its blob, of what is stored for that, and of what was written. */
  bytes: { all: number; blob: number; stored: number; uploaded: number };
  pages: { all: number; uploaded: number };
  share: number;
}

/** The defaults, and models with less in the blob beside the delta rows. */
const CASES: Case[] = [
  { embeddingDim: 16, quantization: "int8" },
  { embeddingDim: 16, quantization: "int8", blobBytes: 2 ** 18, filterBits: 0 },
  { embeddingDim: 32, quantization: "int8", blobBytes: 2 ** 18, filterBits: 8 },
];

await startBackend("wasm");
const results: Result[] = [];
for (const one of CASES) results.push(await measure(one));
console.log(
  table(
    ["rows", "blobBytes", "filter", "blob + pages", "blob", "stored", "pages uploaded", "uploaded", "share"],
    results.map(({ embeddingDim, quantization, blobBytes = 2 ** 20, filterBits = 12, bytes, pages, share }) => [
      `${rows.toLocaleString("en")} of ${quantization}, k ${embeddingDim}`,
      bytesText(blobBytes),
      `${filterBits} bits`,
      bytesText(bytes.all),
      bytesText(bytes.blob),
      bytes.stored < bytes.blob ? `a patch of ${bytesText(bytes.stored)}` : "as it is",
      `${pages.uploaded} of ${pages.all}`,
      bytesText(bytes.uploaded),
      `${(100 * share).toFixed(2)} %`,
    ]),
  ),
);
if (json) writeWhole(json, toJson({ results }));

async function measure(one: Case): Promise<Result> {
  const { quantization, filterBits, ...shape } = one;
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-delta-"));
  try {
    const target = { remote: false, persistTo: join(folder, "kv") } as const;
    const model = largeModel({ ...shape, rows });
    const set = randomSet(model, CALIBRATION_SET);

    // 1. The first publication.
    const exportFolder = join(folder, "export");
    saveExport(exportFolder, await sealExport(await exportModel(model, quantization, set, filterBits), {}, [{}]));
    const base = await openExport(exportFolder);
    await publish(base, target);

    // 2. The update. Its filter is the one of the first publication.
    changeRows(model, changed, 4);
    const draft = await exportModel(model, quantization, set, undefined, base);
    console.log(
      draft.update && "rows" in draft.update ? updateText(draft.update) : draft.update && noUpdateText(draft.update),
    );
    const sealed = await sealExport(draft, {}, [{}]);
    const published = await publish(sealed, target);

    // 3. What it has written, as the store counts it and as the pages' names say.
    const before = new Set(base.pages.map(({ digest }) => toHex(digest)));
    const fresh = sealed.pages.filter(({ digest }) => !before.has(toHex(digest)));
    if (published.uploaded !== fresh.length + 1)
      throw new Error(`got ${published.uploaded} values written, expected the blob and ${fresh.length} pages`);
    const textBytes = (list: readonly { bytes: Uint8Array }[]): number =>
      list.reduce((sum, { bytes }) => sum + 4 * Math.ceil(bytes.length / 3), 0);
    const stored = await bytesStored(target, sealed);
    const uploaded = stored + textBytes(fresh);
    const all = sealed.blob.length + textBytes(sealed.pages);

    // 4. The same scores as those of a full export.
    compareScores(draft, await exportModel(model, quantization, set, filterBits), randomRecords(model, SCORED));
    const pages = { all: sealed.pages.length, uploaded: fresh.length };
    return { ...one, bytes: { all, blob: sealed.blob.length, stored, uploaded }, pages, share: uploaded / all };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes of the value under the blob's key. Throws where the store does not give the blob back. */
async function bytesStored(target: StoreTarget, { version, blob }: ExportedModel): Promise<number> {
  await using store = await openStore(target);
  const stored = await storedBlob(store, version);
  if (stored === null || Buffer.compare(stored.bytes, blob) !== 0) throw new Error(`${version}: got another blob back`);
  return (await store.bytes(blobKey(version)))?.length ?? 0;
}

/** Throws where a logit of one export is not that of the other, bit for bit. */
function compareScores(update: DraftExport, full: DraftExport, records: readonly object[]): void {
  const scorers = [update, full].map(({ blob, pages }) => {
    const scorer = new Scorer(placeBlob(kernelModule(), blob));
    return { scorer, pages: new Map(pages.map(({ bytes }, i) => [i, new Page(bytes, scorer.manifest, i)])) };
  });
  for (let start = 0; start < records.length; start += BATCH) {
    const [a, b] = scorers.map(({ scorer, pages }) =>
      scorer.score(scorer.locate(scorer.encode(records.slice(start, start + BATCH))), pages),
    );
    const wrong = a?.logits.findIndex((logit, i) => logit !== b?.logits[i]) ?? 0;
    if (wrong >= 0)
      throw new Error(
        `record ${start + wrong}: got the logit ${a?.logits[wrong]} of the update, expected ${b?.logits[wrong]}`,
      );
  }
  console.log(`${records.length.toLocaleString("en")} records score as with a full export, bit for bit`);
}
