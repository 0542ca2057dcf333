import * as v from "valibot";
import { bucketStarts, type Evidence, type ItemCatalogue, type ModelBlob } from "./blob.ts";
import { type CalibrationMap, CalibrationMapSchema } from "./calibration.ts";
import { partsOf } from "./columns.ts";
import * as c from "./constants.ts";
import { FormatError, show } from "./errors.ts";
import { type FittedField, type FittedSpec, FittedSpecSchema } from "./fitted-spec.ts";
import { formatVersion } from "./format-version.ts";
import { type GoldenRecords, GoldenRecordsSchema } from "./golden.ts";
import { hotPagesOf } from "./hot-pages.ts";
import { readEntriesSection } from "./item-entries.ts";
import type { ItemPageLayout } from "./item-page.ts";
import { checkItemKeys, checkItems } from "./items.ts";
import { ascending } from "./keys.ts";
import type { PageLayout } from "./page.ts";
import { parseJsonBytes, parseWith } from "./parse.ts";
import { LayerReader } from "./read-layers.ts";
import { layerStacks, type ModelHead, readModelHead } from "./read-model.ts";
import { readSections, SECTION_NAMES } from "./read-sections.ts";
import { findBrokenRow, rowStride } from "./row.ts";

/** What a server needs of a blob beside what the kernel reads: how to encode records, and where the other rows are. */
export interface BlobManifest extends PageLayout, ItemPageLayout {
  spec: FittedSpec;
  producer: string;
  /** What the kernel's logits go through; absent where they are served as they are. */
  calibration?: CalibrationMap;
  /** TERM_…, combined: the terms that the logit sums. */
  terms: number;
  /** The constant term of the logit. */
  bias: number;
  /** FM takes v[0, fmDim) of each row; 0 without TERM_FM. */
  fmDim: number;
  /** The digests of the P pages and of the Q item pages behind them, 16 bytes each. */
  pageDigests: Uint8Array;
  /** Where in the blob the filter of the pages' rows is, and its bytes: 0 where there is none. */
  filter: { offset: number; bytes: number };
  /**
   * The numbers of the pages that are wanted most, the hottest first; absent where the blob does not say. Item page i
   * has the number P + i.
   */
  hotPages?: readonly number[];
  /**
   * The catalogue: the field whose values are the items' ids, and the number of items in the blob; where there are item
   * pages, also their number. Null where the model has none.
   */
  items: { field: string; count: number; pages?: number } | null;
  /**
   * Where in the blob a catalogue of entries is: its filter, of so many bytes, the starts of its records behind that,
   * and the records. Null where the model has none, or one of precomputed sums.
   */
  itemEntries: { offset: number; filterBytes: number } | null;
  evidence: Evidence;
  golden: GoldenRecords;
}

/**
 * Reads the manifest of a blob whose checksums the kernel has verified at `load`. It checks header, table and bounds
 * again, but makes no pass over rows and weights. Throws FormatError that names the section.
 */
export function readManifest(bytes: Uint8Array): BlobManifest {
  const sections = readSections(bytes, false);
  const pageDigests = sections[c.SECTION_PAGES - 1] as Uint8Array;
  const filter = sections[c.SECTION_FILTER - 1] as Uint8Array;
  const listed = pageDigests.length / c.PAGE_DIGEST_BYTES;
  const format = formatVersion(bytes);
  const described = readSpecSection(sections[c.SECTION_SPEC - 1] as Uint8Array, format, listed);
  const { spec } = described;
  // The kernel does not read SPEC, so this is the only place that compares its fields and their sides with MODEL.
  const head = readModelHead(sections[c.SECTION_MODEL - 1] as Uint8Array, spec, format);
  const { rowType, embeddingDim, terms, bias, fmDim, rowCount, sides, itemPages } = head;
  return {
    ...described,
    ...{ rowType, embeddingDim, terms, bias, fmDim, rowCount, sides, itemPages },
    // The kernel has compared the number of digests with P and Q.
    pageCount: listed - itemPages,
    pageDigests: pageDigests.slice(),
    filter: { offset: filter.byteOffset - bytes.byteOffset, bytes: filter.length },
    ...describeItems(head, spec, (sections[c.SECTION_ITEMS - 1] as Uint8Array).byteOffset - bytes.byteOffset),
    ...readJsonSections(sections),
  };
}

function describeItems(
  { itemField, itemCount, itemForm, itemPages, itemFilterBlocks }: ModelHead,
  spec: FittedSpec,
  offset: number,
): Pick<BlobManifest, "items" | "itemEntries"> {
  const ofEntries = itemForm === c.ITEM_ENTRIES;
  if (itemCount === 0 && !ofEntries) return { items: null, itemEntries: null };
  const { name: field } = spec.fields[itemField] as FittedField;
  return {
    items: { field, count: itemCount, ...(itemPages > 0 && { pages: itemPages }) },
    itemEntries: ofEntries ? { offset, filterBytes: itemFilterBlocks * c.FILTER_BLOCK_BYTES } : null,
  };
}

/** Reads a model blob. Every byte is checked before it is used. Throws FormatError that names the section. */
export function readBlob(bytes: Uint8Array): ModelBlob {
  const sections = readSections(bytes, true);
  const section = (id: number): Uint8Array => sections[id - 1] as Uint8Array;
  const pagesListed = section(c.SECTION_PAGES).length / c.PAGE_DIGEST_BYTES;
  const format = formatVersion(bytes);
  const described = readSpecSection(section(c.SECTION_SPEC), format, pagesListed);
  const { spec } = described;
  const head = readModelHead(section(c.SECTION_MODEL), spec, format);
  const { rowType, embeddingDim, rowCount, bucketBits, pageCount, layerCount, outputWidth, ...rest } = head;
  const { itemField, itemCount, itemForm, itemPages, itemFilterBlocks, ...shape } = rest;

  const hot = rowCount - spec.fields.length;
  expectBytes(c.SECTION_BUCKETS, section(c.SECTION_BUCKETS), 4 * (2 ** bucketBits + 1));
  expectBytes(c.SECTION_KEYS, section(c.SECTION_KEYS), 8 * hot);
  expectBytes(c.SECTION_ROWS, section(c.SECTION_ROWS), rowCount * rowStride(rowType, embeddingDim));
  expectBytes(c.SECTION_PAGES, section(c.SECTION_PAGES), (pageCount + itemPages) * c.PAGE_DIGEST_BYTES);

  const filter = section(c.SECTION_FILTER);
  if (filter.length % c.FILTER_BLOCK_BYTES !== 0)
    refuse(c.SECTION_FILTER, `got ${filter.length} bytes, expected a multiple of ${c.FILTER_BLOCK_BYTES}`);
  if (pageCount === 0) expectBytes(c.SECTION_FILTER, filter, 0);

  const keys = words(section(c.SECTION_KEYS));
  if (!ascending(keys)) refuse(c.SECTION_KEYS, "got keys out of order, expected them ascending");
  if (keys.length > 0 && keys[0] === 0 && keys[1] === 0) refuse(c.SECTION_KEYS, "got key 0, which means OOV");
  const starts = words(section(c.SECTION_BUCKETS));
  const wrong = bucketStarts(keys, bucketBits).findIndex((start, i) => start !== starts[i]);
  if (wrong >= 0) refuse(c.SECTION_BUCKETS, `got start ${starts[wrong]} at ${wrong}, which the keys contradict`);

  const broken = findBrokenRow(rowType, embeddingDim, section(c.SECTION_ROWS));
  if (broken >= 0) refuse(c.SECTION_ROWS, `got row ${broken} with a number that is not finite`);

  const reader = new LayerReader(section(c.SECTION_MODEL), section(c.SECTION_DENSE));
  const layers = layerStacks(head).flatMap((stack) => reader.stack(stack));
  const outputWeights = reader.outputWeights(layers, outputWidth);
  const json = readJsonSections(sections);

  expectBytes(c.SECTION_ITEM_KEYS, section(c.SECTION_ITEM_KEYS), 8 * itemCount);
  const itemKeys = words(section(c.SECTION_ITEM_KEYS));
  checkItemKeys(itemKeys);
  const itemLayout = { rowType, embeddingDim, rowCount, sides: shape.sides };
  const named = { field: itemField, keys: itemKeys };
  const items: ItemCatalogue =
    itemForm === c.ITEM_ENTRIES
      ? {
          ...named,
          ...readEntriesSection(section(c.SECTION_ITEMS), itemCount, itemFilterBlocks, itemPages, itemLayout),
        }
      : { ...named, records: section(c.SECTION_ITEMS) };
  if (!items.entries) checkItems(items, { ...shape, embeddingDim, layers });

  return {
    ...described,
    ...{ rowType, embeddingDim, ...shape, keys },
    ...{ rows: section(c.SECTION_ROWS), pageDigests: section(c.SECTION_PAGES), layers, outputWeights, items },
    filter: words(filter),
    ...json,
  };
}

function expectBytes(id: number, section: Uint8Array, expected: number): void {
  if (section.length !== expected) refuse(id, `got ${section.length} bytes, expected ${expected}`);
}

function refuse(id: number, problem: string): never {
  throw new FormatError(placeOf(id), problem);
}

function placeOf(id: number): string {
  return `blob: section ${SECTION_NAMES[id]}`;
}

/** What section SPEC says. */
type Description = Pick<BlobManifest, "producer" | "spec" | "calibration" | "hotPages">;

function readSpecSection(bytes: Uint8Array, format: number, pageCount: number): Description {
  const place = placeOf(c.SECTION_SPEC);
  const members = readJson(c.SECTION_SPEC, bytes) as Partial<Record<string, unknown>>;
  const { producer, spec, calibration, hotPages } = members;
  const read: Description = {
    producer: parseWith(v.string(), producer, `${place}: producer`),
    spec: parseWith(FittedSpecSchema, spec, place),
  };
  // In older formats a member of this name had no meaning, as any other beside `producer` and `spec`.
  if (calibration !== undefined && format >= c.CALIBRATED_BLOB_VERSION)
    read.calibration = parseWith(CalibrationMapSchema, calibration, `${place}: calibration`);
  if (hotPages !== undefined && format >= c.HOT_PAGES_BLOB_VERSION)
    read.hotPages = parseWith(hotPagesOf(pageCount), hotPages, `${place}: hotPages`);
  const keyed = read.spec.hashKey !== undefined;
  if (keyed !== format >= c.KEYED_BLOB_VERSION)
    throw new FormatError(
      `${place}: hashKey`,
      keyed
        ? `got one in format ${format}, expected none before format ${c.KEYED_BLOB_VERSION}`
        : "missing, expected a string",
    );
  const early = format < c.PREPARED_BLOB_VERSION ? read.spec.fields.findIndex(isPrepared) : -1;
  if (early >= 0)
    throw new FormatError(
      `${place}: fields[${early}]`,
      `got from, prepare or cross in format ${format}, expected none before format ${c.PREPARED_BLOB_VERSION}`,
    );
  const spline = read.spec.fields.findIndex(({ encoding }) => encoding.kind === "spline");
  if (spline >= 0 && format < c.SPLINE_BLOB_VERSION)
    throw new FormatError(
      `${place}: fields[${spline}].encoding.kind`,
      `got "spline" in format ${format}, expected none before format ${c.SPLINE_BLOB_VERSION}`,
    );
  return read;
}

function isPrepared(field: FittedField): boolean {
  return field.from !== undefined || field.prepare !== undefined || partsOf(field) !== null;
}

function readJsonSections(sections: readonly Uint8Array[]): { evidence: Evidence; golden: GoldenRecords } {
  const read = (id: number): object => readJson(id, sections[id - 1] as Uint8Array);
  return {
    evidence: parseWith(EvidenceSchema, read(c.SECTION_EVIDENCE), placeOf(c.SECTION_EVIDENCE)),
    golden: parseWith(GoldenRecordsSchema, read(c.SECTION_GOLDEN), placeOf(c.SECTION_GOLDEN)),
  };
}

const EvidenceSchema = v.record(v.string(), v.unknown());

function readJson(id: number, bytes: Uint8Array): object {
  const parsed = parseJsonBytes(bytes, placeOf(id));
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new FormatError(placeOf(id), `got ${show(parsed)}, expected an object`);
  return parsed;
}

function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}
