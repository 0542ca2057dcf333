import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { fieldSides, type ModelBlob, NO_ITEMS } from "../../format/blob.ts";
import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { FormatError, show } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { fromHex, toHex } from "../../format/hash.ts";
import { pageDigest } from "../../format/page.ts";
import { parseJsonBytes, parseWith } from "../../format/parse.ts";
import { readManifest } from "../../format/read-blob.ts";
import { verifyBlob } from "../../format/seal.ts";
import { VersionSchema } from "../../format/store.ts";
import { writeBlob } from "../../format/write-blob.ts";
import type { Dataset } from "../data/dataset.ts";
import { readWhole, toJson, WholeFiles } from "../io/files.ts";
import { FolderLock } from "../io/folder-lock.ts";
import { VERSION } from "../io/project.ts";
import { noSuchFile } from "../io/system-fault.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { type FilterReport, filterReport } from "./filter.ts";
import { hottestPages } from "./hot-pages.ts";
import { servedNetworks } from "./networks.ts";
import { placeRows, type RowTable } from "./placement.ts";
import { type Quantization, rowTypeOf } from "./quantization.ts";
import { keysOf, quantizeRows, type WrittenPage } from "./rows.ts";
import type { StoredModel } from "./stored-model.ts";
import { type NoUpdate, placeUpdate, type UpdateReport } from "./update.ts";

const PRODUCER = `deepfm-edge ${VERSION}`;

/** A model as it is published: one blob and its pages, each named by the hash of its bytes. */
export interface ExportedModel {
  /** The model's name. */
  model: string;
  /** What names its blob, 64 hex digits: the SHA-256 of the file. */
  version: string;
  blob: Uint8Array;
  pages: WrittenPage[];
}

/** A model before it is sealed: its blob has no evidence and no golden records yet. */
export interface DraftExport {
  model: ModelBlob;
  blob: Uint8Array;
  pages: WrittenPage[];
  filter: FilterReport;
  /** How it keeps the pages of an export before it, or why it does not; null where it was not asked to. */
  update: UpdateReport | NoUpdate | null;
}

/**
 * Makes the blob and pages of a trained model. The quantized layers are fitted on the calibration set. `filterBits`:
 * how many bits a row in a page has in the blob's filter; `rowFilter` has the default. `base`: the export whose pages
 * are kept where they can be; the filter is then that one's too, unless `filterBits` is given. Throws FormatError where
 * the model has no hash key, or its rows do not fit the pages.
 */
export async function exportModel(
  trained: TrainedModel,
  quantization: Quantization,
  calibrationSet: Dataset,
  filterBits?: number,
  base?: StoredModel,
): Promise<DraftExport> {
  const { spec, fitted, vocabulary, learner } = trained;
  if (fitted.hashKey === undefined)
    throw new FormatError(
      `${spec.name}: fitted.hashKey`,
      "missing, as trainings before format 6 of the blob hashed row keys without one: train again",
    );
  const { tables } = learner;
  const { parameters, definition } = learner.model;
  const { terms, fmDim, mlpFrom, products } = definition;
  const rowType = rowTypeOf(quantization);
  const { dim } = tables;

  // 1. Rows: hot ones into the blob, cold ones into pages.
  const table: RowTable = { spec, vocabulary, values: tables.values, rowType, dim };
  const kept = base ? await placeUpdate(base, table, fitted.hashKey, filterBits) : null;
  const update = kept && ("report" in kept ? kept.report : kept.refused);
  const placed = kept && "placed" in kept ? kept.placed : await placeRows(table, filterBits);
  const { head, paged, pages, filter } = placed;
  const inPages = new Set(paged.map((row) => vocabulary.fieldOf[row]));
  const served: FittedSpec = {
    ...fitted,
    fields: fitted.fields.map((field, f) => ({ ...field, kv: inPages.has(f) })),
  };

  // 2. Dense layers, with BatchNorm folded in, quantized.
  const { biasCorrection, ...networks } = servedNetworks(learner, quantization, calibrationSet);

  // 3. The blob, which names each page by its digest.
  const oov = spec.fields.map((_, f) => f);
  const pageDigests = new Uint8Array(pages.flatMap(({ digest }) => [...digest]));
  const model: ModelBlob = {
    spec: served,
    producer: PRODUCER,
    ...(trained.calibration && { calibration: trained.calibration.map }),
    rowType,
    embeddingDim: dim,
    terms,
    fmDim,
    mlpFrom,
    products,
    bias: parameters.view("bias")[0] + learner.logitCorrection + biasCorrection,
    keys: keysOf(head, vocabulary),
    rows: quantizeRows([...oov, ...head], tables.values, rowType, dim),
    pageDigests,
    sides: fieldSides(served),
    ...networks,
    evidence: {},
    golden: { tolerance: 0, records: [] },
    items: NO_ITEMS,
    hotPages: hottestPages(paged, vocabulary, pages.length),
    filter,
  };
  return { model, blob: writeBlob(model), pages, filter: filterReport(paged.length, filter), update };
}

const pageNames = v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)));
/** What makes a folder one of an exported model. */
export const EXPORT_FILE = "export.json";
/** What an export loses, for people. */
export const EXPORT_REPORT_FILE = "report.html";

/** export.json: names the model, its blob and the pages in the folder. */
const ManifestSchema = v.strictObject({ model: v.string(), version: VersionSchema, pages: pageNames });

/** The manifest as it was up to format 4 of the blob: what it calls the model is the version. */
const UnnamedManifestSchema = v.strictObject({ model: VersionSchema, pages: pageNames });

/** `model` is null where the manifest is an old one, without the name. */
function readExportManifest(path: string): { model: string | null; version: string; pages: string[] } {
  const manifest = parseJsonBytes(readWhole(path), path);
  if (typeof manifest === "object" && manifest !== null && "version" in manifest)
    return parseWith(ManifestSchema, manifest, path);
  const { model, pages } = parseWith(UnnamedManifestSchema, manifest, path);
  return { model: null, version: model, pages };
}

const blobPath = (folder: string, version: string): string => join(folder, `${version}.blob`);
const pagePath = (folder: string, digest: string): string => join(folder, "pages", `${digest}.page`);

/** Milliseconds that an export waits while another one is written into its folder. */
const SAVING_PATIENCE = 60_000;

/**
 * Writes an exported model into `folder`, with the page that reports on it where there is one, and removes the files of
 * the export before it. All of it gets its names when all of it is written, the manifest last: an export that is cut
 * off, or that the system refuses to write, leaves the one before it valid, or none. `claim` throws where the export
 * may not be there; it is called when no other process can write one. Throws UserError.
 */
export function saveExport(folder: string, exported: ExportedModel, report?: string, claim?: () => void): void {
  const { model, version, blob, pages } = exported;
  using _lock = new FolderLock(folder, SAVING_PATIENCE);
  claim?.();
  using files = new WholeFiles();
  const names = pages.map(({ digest }) => toHex(digest));
  pages.forEach(({ bytes }, i) => {
    files.write(pagePath(folder, names[i]), bytes);
  });
  files.write(blobPath(folder, version), blob);
  if (report !== undefined) files.write(join(folder, EXPORT_REPORT_FILE), report);
  files.write(join(folder, EXPORT_FILE), toJson({ model, version, pages: names }));
  files.finish();

  const current = new Set([`${version}.blob`, ...names.map((name) => `${name}.page`)]);
  for (const place of [folder, join(folder, "pages")]) {
    if (!existsSync(place)) continue;
    for (const file of readdirSync(place)) {
      if (/^([0-9a-f]{64}\.blob|[0-9a-f]{32}\.page)$/.test(file) && !current.has(file)) rmSync(join(place, file));
    }
  }
}

/** Opens what `saveExport` saved: checks the blob at once, and each page when it is read. */
export async function openExport(folder: string): Promise<StoredModel> {
  const path = join(folder, EXPORT_FILE);
  if (!existsSync(path)) throw noSuchFile(path, "expected the folder that `export` wrote");
  const manifest = readExportManifest(path);
  const verified = async (
    file: string,
    expected: string,
    nameOf: (bytes: Uint8Array) => Promise<string>,
  ): Promise<Uint8Array> => {
    if (!existsSync(file)) throw noSuchFile(file, "export.json names it");
    const bytes = new Uint8Array(readWhole(file));
    const got = await nameOf(bytes).catch((error) => {
      throw error instanceof FormatError ? new FormatError(file, error.message) : error;
    });
    if (got !== expected) throw new FormatError(file, `got the name ${got} from its bytes, expected ${expected}`);
    return bytes;
  };
  const blob = await verified(blobPath(folder, manifest.version), manifest.version, (bytes) => verifyBlob(bytes));
  const { spec, pageDigests } = readManifest(blob);
  const model = spec.name;
  if (manifest.model !== null && manifest.model !== model)
    throw new FormatError(path, `got the model ${show(manifest.model)}, expected ${show(model)} as in its blob`);
  if (manifest.pages.join("") !== toHex(pageDigests))
    throw new FormatError(
      path,
      `got other pages (${manifest.pages.length}) than its blob names (${pageDigests.length / PAGE_DIGEST_BYTES}), ` +
        "expected the same in the same order",
    );
  const pages = manifest.pages.map((digest) => ({
    digest: fromHex(digest),
    read: () => verified(pagePath(folder, digest), digest, async (bytes) => toHex(await pageDigest(bytes))),
  }));
  return { model, version: manifest.version, blob, pages };
}

/** Loads all of what `saveExport` saved, and checks every file against its name. */
export async function loadExport(folder: string): Promise<ExportedModel> {
  const { pages: stored, ...model } = await openExport(folder);
  const pages: WrittenPage[] = [];
  for (const { digest, read } of stored) pages.push({ digest, bytes: await read() });
  return { ...model, pages };
}
