import { type Calibration, readCalibration } from "./calibration.ts";
import { formatOf, readJson, readSections, viewOf } from "./container.ts";
import { Dense } from "./dense.ts";
import { BLOCK_BYTES } from "./filter.ts";
import { HEAD_BYTES, type Head, readHead, TOWERS } from "./head.ts";
import { type ItemEntry, NO_ENTRIES, readEntries } from "./item-entries.ts";
import { type Item, readItems } from "./items.ts";
import { type Layer, readLayers, readOutput } from "./layers.ts";
import { at, check } from "./refusal.ts";
import { faultOfKeys, type Row, readRow, strideOf } from "./rows.ts";
import { isObject, objectOf, readSpec, type Spec } from "./spec.ts";

// Section 5, from section 1 SPEC to section 12 FILTER. Rules 6–16.

const LAYER_BYTES = 64;

export interface Model extends Head {
  spec: Spec;
  calibration: Calibration | null;
  /** The OOV row of each field. */
  oov: Row[];
  /** Rows in the blob by key. */
  rows: Map<bigint, Row>;
  /** The digests of pages 0 … P − 1. */
  digests: Uint8Array[];
  /** The digests of the item pages. */
  itemDigests: Uint8Array[];
  /** The filter of the pages' keys. */
  filter: Uint8Array;
  /** The pages that are wanted most. */
  hotPages: number[];
  /** The layers of the MLP, or those of the context tower and then of the item tower. */
  stack: Layer[];
  outputWeights: number[];
  /** The catalogue, by the keys of the item field's values. */
  catalogue: Map<bigint, Item>;
  /** Where they are entries: those of the items in the blob, and the filter of the others' keys. */
  entriesOf: Map<bigint, ItemEntry[]>;
  itemFilter: Uint8Array;
  tolerance: number;
  golden: { record: Record<string, unknown>; logit: number }[];
}

function checkLengths(sections: Uint8Array[], head: Head, spec: Spec): void {
  const F = head.fields;
  const expected = [
    HEAD_BYTES + LAYER_BYTES * head.layers + F,
    4 * (2 ** head.bucketBits + 1),
    8 * head.hot,
    (F + head.hot) * strideOf(head.rowType, head.dim),
    16 * (head.pages + head.itemPages),
  ];
  expected.forEach((length, i) => {
    const got = at(sections, i + 1).length;
    check(got === length, 8, `section ${i + 2}: got ${got} bytes, expected ${length}`);
  });
  const filter = at(sections, 11).length;
  check(filter % BLOCK_BYTES === 0 && (filter === 0 || head.pages > 0), 8, `section 12: got ${filter} bytes`);
  const sides = at(sections, 1).subarray(-F);
  spec.fields.forEach(({ name, side }, f) => {
    check(at(sides, f) === (side === "item" ? 1 : 0), 8, `field ${name}: got side ${sides[f]}`);
  });
  if (head.terms & TOWERS) check(new Set(sides).size === 2, 8, "towers need a field on either side");
}

function readKeys(sections: Uint8Array[], head: Head): bigint[] {
  const [buckets, view] = [viewOf(at(sections, 2)), viewOf(at(sections, 3))];
  const keys = Array.from({ length: head.hot }, (_, i) => view.getBigUint64(8 * i, true));
  const fault = faultOfKeys(keys);
  check(fault === undefined, 9, `KEYS: ${fault}`);

  // The start of a bucket is the number of keys in those before it.
  let start = 0;
  for (let bucket = 0; bucket <= 2 ** head.bucketBits; bucket++) {
    while (start < head.hot && at(keys, start) >> BigInt(64 - head.bucketBits) < BigInt(bucket)) start++;
    check(buckets.getUint32(4 * bucket, true) === start, 10, `bucket ${bucket}: expected the start ${start}`);
  }
  return keys;
}

function readRows(bytes: Uint8Array, head: Head): Row[] {
  const [view, stride] = [viewOf(bytes), strideOf(head.rowType, head.dim)];
  return Array.from({ length: head.fields + head.hot }, (_, i) => {
    const row = readRow(view, i * stride, head.rowType, head.dim);
    check(row !== null, 11, `row ${i} is not finite`);
    return row;
  });
}

function readGolden(json: unknown): Pick<Model, "tolerance" | "golden"> {
  const { tolerance, records } = objectOf(json, ["tolerance", "records"], [], 15);
  check(Number.isFinite(tolerance) && Number(tolerance) >= 0, 15, `got tolerance ${tolerance}`);
  check(Array.isArray(records) && records.length <= 256, 15, "got no list of at most 256 records");
  const golden = records.map((entry: unknown) => {
    const { record, logit } = objectOf(entry, ["record", "logit"], [], 15);
    check(isObject(record), 15, `got record ${record}`);
    check(Number.isFinite(logit), 15, `got logit ${logit}`);
    return { record, logit: Number(logit) };
  });
  return { tolerance: Number(tolerance), golden };
}

/** The list of SPEC, which is a part of rule 6. */
function readHotPages(value: unknown, pages: number): number[] {
  if (value === undefined) return [];
  check(Array.isArray(value) && value.length <= 100 && new Set(value).size === value.length, 6, "hotPages");
  for (const page of value) check(Number.isInteger(page) && page >= 0 && page < pages, 6, `got hot page ${page}`);
  return value;
}

/** Reads a blob and checks all of it but the envelope. */
export function readBlob(blob: Uint8Array): Model {
  const sections = readSections(blob);
  const outer = readJson(sections, 1, 6);
  check(isObject(outer) && typeof outer.producer === "string", 6, "SPEC: got no producer");
  const spec = readSpec(outer.spec, formatOf(blob));
  // In older formats a member of this name has no meaning.
  const calibration = readCalibration(formatOf(blob) >= 7 ? outer.calibration : undefined);
  const hotPages = readHotPages(formatOf(blob) >= 8 ? outer.hotPages : undefined, at(sections, 5).length / 16);
  const head = readHead(at(sections, 1), spec, formatOf(blob));
  checkLengths(sections, head, spec);
  const keys = readKeys(sections, head);
  const rows = readRows(at(sections, 4), head);
  const entries = at(sections, 1).subarray(HEAD_BYTES, HEAD_BYTES + LAYER_BYTES * head.layers);
  const dense = new Dense(at(sections, 6));
  const stack = readLayers(entries, dense, head, spec);
  const outputWeights = readOutput(dense, head, stack);
  check(isObject(readJson(sections, 8, 14)), 14, "EVIDENCE is no object");
  const digests = Array.from({ length: head.pages + head.itemPages }, (_, p) =>
    at(sections, 5).subarray(16 * p, 16 * p + 16),
  );
  const golden = readGolden(readJson(sections, 9, 15));
  return {
    ...head,
    spec,
    calibration,
    oov: rows.slice(0, head.fields),
    rows: new Map(keys.map((key, i) => [key, at(rows, head.fields + i)])),
    digests: digests.slice(0, head.pages),
    itemDigests: digests.slice(head.pages),
    filter: at(sections, 11),
    hotPages,
    stack,
    outputWeights,
    catalogue: head.entries ? new Map() : readItems(at(sections, 9), at(sections, 10), head, stack),
    ...(head.entries ? readEntries(at(sections, 9), at(sections, 10), head, rows, spec) : NO_ENTRIES),
    ...golden,
  };
}
