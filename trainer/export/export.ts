import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { fieldSides } from "../../format/blob.ts";
import { FormatError } from "../../format/errors.ts";
import { fromHex, sha256, toHex } from "../../format/hash.ts";
import { rowStride } from "../../format/row.ts";
import { type FittedSpec, parseWith } from "../../format/spec.ts";
import { writeBlob } from "../../format/write-blob.ts";
import type { Dataset } from "../data/dataset.ts";
import { toJson, writeWhole } from "../files.ts";
import type { SavedRun } from "../run-folder.ts";
import { servedNetworks } from "./dense.ts";
import { type Quantization, rowTypeOf } from "./quantization.ts";
import { type QuantizationReport, ReportSchema } from "./report.ts";
import { keysOf, packRows, splitRows, type WrittenPage, writePages } from "./rows.ts";

/** Records that activation ranges are measured on: enough for the tails, and few enough for memory. */
export const CALIBRATION_RECORDS = 2 ** 17;

const PRODUCER = "deepfm-edge 0.1.0";

/** A model as it is published: one blob and its pages, each named by the hash of its bytes. */
export interface ExportedModel {
  /** SHA-256 of the blob, 64 hex digits. */
  hash: string;
  blob: Uint8Array;
  pages: WrittenPage[];
}

/** Makes the blob and pages of a trained model. `calibration`: records to measure activation ranges on. */
export async function exportModel(
  run: Pick<SavedRun, "spec" | "fitted" | "vocabulary" | "learner">,
  quantization: Quantization,
  calibration: Dataset,
): Promise<ExportedModel> {
  const { spec, vocabulary, learner } = run;
  const { model, tables } = learner;
  const { parts, fmDim, deepFrom, products } = model.definition;
  const rowType = rowTypeOf(quantization);
  const { dim } = tables;

  // 1. Rows: hot ones into the blob, cold ones into pages.
  const { hot, cold } = splitRows(spec, vocabulary, rowStride(rowType, dim));
  const pages = await writePages(cold, vocabulary, tables.values, rowType, dim, spec.rows.pageBytes);
  const inPages = new Set(cold.map((row) => vocabulary.fieldOf[row]));
  const fitted: FittedSpec = {
    ...run.fitted,
    fields: run.fitted.fields.map((field, f) => ({ ...field, kv: inPages.has(f) })),
  };

  // 2. Dense weights: BatchNorm folded, quantised.
  const { biasCorrection, ...networks } = servedNetworks(learner, quantization, calibration);

  // 3. The blob, which names every page by its digest.
  const oov = spec.fields.map((_, f) => f);
  const pageDigests = new Uint8Array(pages.flatMap(({ digest }) => [...digest]));
  const blob = writeBlob({
    spec: fitted,
    producer: PRODUCER,
    rowType,
    embeddingDim: dim,
    parts,
    fmDim,
    deepFrom,
    products,
    bias: (model.parameters.view("bias")[0] as number) + learner.logitCorrection + biasCorrection,
    keys: keysOf(hot, vocabulary),
    rows: packRows([...oov, ...hot], tables.values, rowType, dim),
    pageDigests,
    sides: fieldSides(fitted),
    ...networks,
  });
  return { hash: toHex(await sha256(blob)), blob, pages };
}

/** What `export` leaves in its folder beside the blob and pages, and `publish` starts from. */
const ManifestSchema = v.strictObject({
  model: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  pages: v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
  quantization: ReportSchema,
});

const blobPath = (folder: string, hash: string): string => join(folder, `${hash}.blob`);
const pagePath = (folder: string, digest: string): string => join(folder, "pages", `${digest}.page`);

/** Writes an exported model into `folder`. The manifest comes last, so an export that was cut off leaves the one before it valid. */
export function saveExport(
  folder: string,
  { hash, blob, pages }: ExportedModel,
  quantization: QuantizationReport,
): void {
  const names = pages.map(({ digest }) => toHex(digest));
  pages.forEach(({ bytes }, i) => {
    writeWhole(pagePath(folder, names[i] as string), bytes);
  });
  writeWhole(blobPath(folder, hash), blob);
  writeWhole(join(folder, "export.json"), toJson({ model: hash, pages: names, quantization }));

  const current = new Set([`${hash}.blob`, ...names.map((name) => `${name}.page`)]);
  for (const place of [folder, join(folder, "pages")]) {
    if (!existsSync(place)) continue;
    for (const file of readdirSync(place)) {
      if (/^[0-9a-f]+\.(blob|page)$/.test(file) && !current.has(file)) rmSync(join(place, file));
    }
  }
}

/** Loads what `saveExport` saved, and checks every file against its name. */
export async function loadExport(folder: string): Promise<ExportedModel> {
  const path = join(folder, "export.json");
  if (!existsSync(path)) throw new FormatError(path, "no such file; expected the folder that `export` wrote");
  const manifest = parseWith(ManifestSchema, JSON.parse(readFileSync(path, "utf8")), path);
  const verified = async (file: string, expected: string): Promise<Uint8Array> => {
    const bytes = new Uint8Array(readFileSync(file));
    const got = toHex(await sha256(bytes)).slice(0, expected.length);
    if (got !== expected) throw new FormatError(file, `got SHA-256 ${got}, expected ${expected}`);
    return bytes;
  };
  const blob = await verified(blobPath(folder, manifest.model), manifest.model);
  const pages: WrittenPage[] = [];
  for (const digest of manifest.pages) {
    pages.push({ digest: fromHex(digest), bytes: await verified(pagePath(folder, digest), digest) });
  }
  return { hash: manifest.model, blob, pages };
}
