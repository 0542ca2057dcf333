import { expect, test } from "vitest";
import { TYPE_I8 } from "../../../format/constants.ts";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import { integer, seeded } from "../../../testing/format/random.ts";
import { Vocabulary } from "../../../trainer/data/vocabulary.ts";
import { emptyTally, PlannedIsolate, type Tally } from "../../../trainer/plan/planned-isolate.ts";
import {
  type PlannedRecords,
  RecordCollector,
  rankRequests,
  scoreRequests,
} from "../../../trainer/plan/planned-records.ts";
import { layOut, type PlannedRows, type RowLayout, rowsInOrder } from "../../../trainer/plan/planned-rows.ts";

const FIELDS = 2;
const ROWS = 3000;
const RECORDS = 1500;
const ENOUGH = 2 ** 24;

const random = seeded(3);
const word = (): number => integer(random, 0, 2 ** 32 - 1);
const keys = Uint32Array.from({ length: 2 * (FIELDS + ROWS) }, (_, i) => (i < 2 * FIELDS ? 0 : word()));
const fieldOf = Uint16Array.from({ length: FIELDS + ROWS }, (_, row) => (row < FIELDS ? row : row % FIELDS));
const vocabulary = new Vocabulary(FIELDS, keys, fieldOf, new Uint32Array(FIELDS + ROWS));
const ranked = Array.from({ length: ROWS }, (_, i) => FIELDS + i);
const rows: PlannedRows = rowsInOrder(vocabulary, { blob: [], paged: [], ranked, knowsFields: true }, TYPE_I8, 16);
/** 500 rows in the blob, pages of some 30 rows, and a filter that lets a fifth of unseen values through. */
const layout = layOut(rows, 500 * 32, 1024, 5);
const records = recordsOf();

/** Mostly frequent rows, and every tenth value unseen: one of 50, so that they come again. */
function recordsOf(): PlannedRecords {
  const encoded = new EncodedRecords();
  encoded.clear();
  const unseen = Uint32Array.from({ length: 100 }, word);
  const offsets = [0];
  for (let record = 0; record < RECORDS; record++) {
    for (let field = 0; field < FIELDS; field++) {
      const row = FIELDS + field + FIELDS * Math.floor((ROWS / FIELDS) * random() ** 3);
      const at = 2 * integer(random, 0, 49);
      const [lo, hi] = random() < 0.1 ? [unseen[at], unseen[at + 1]] : [keys[2 * row], keys[2 * row + 1]];
      encoded.add(lo, hi, 1);
      offsets.push(encoded.entries);
    }
  }
  const collector = new RecordCollector(vocabulary, RECORDS);
  collector.add(Object.assign(encoded, { count: RECORDS, offsets: Uint32Array.from(offsets) }));
  return collector.records();
}

/** The page of a key, by whole numbers. */
function pageOf(hi: number, { pageCount }: RowLayout): number {
  return Number((BigInt(hi) * BigInt(pageCount)) >> 32n);
}

/** Keys of each request where the isolate keeps all rows of the pages that it has read, or none. */
function bruteForce(keepsRows: boolean): { keys: number[]; here: number } {
  const inHead = new Set(ranked.slice(0, 500));
  const rowOf = new Map(ranked.map((row) => [`${keys[2 * row]},${keys[2 * row + 1]}`, row]));
  const known = new Set<string>();
  let here = 0;
  const read = Array.from({ length: records.count }, (_, record) => {
    const pages = new Map<number, string[]>();
    for (let entry = FIELDS * record; entry < FIELDS * (record + 1); entry++) {
      const [lo, hi] = [records.keys[2 * entry], records.keys[2 * entry + 1]];
      const key = `${lo},${hi}`;
      const row = rowOf.get(key);
      if ((row !== undefined && inHead.has(row)) || known.has(key)) here++;
      else if (row === undefined && !passes(lo, hi)) here++;
      else pages.set(pageOf(hi, layout), [...(pages.get(pageOf(hi, layout)) ?? []), key]);
    }
    for (const [page, wanted] of keepsRows ? pages : []) {
      for (const key of wanted) known.add(key);
      for (const [key, row] of rowOf)
        if (!inHead.has(row) && pageOf(keys[2 * row + 1], layout) === page) known.add(key);
    }
    return pages.size;
  });
  return { keys: read, here };
}

/** Whether the filter lets a key through: eight bits of a block of 256, as Parquet has it. */
function passes(lo: number, hi: number): boolean {
  const salts = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];
  const { filter } = layout;
  const block = Number((BigInt(hi) * BigInt(filter.length / 8)) >> 32n);
  return salts.every((salt, i) => (filter[8 * block + i] & (1 << (Math.imul(lo, salt) >>> 27))) !== 0);
}

function play(cacheBytes: number, keysPerRequest = 1000): Tally {
  const isolate = new PlannedIsolate(rows, layout, { cacheBytes, keysPerRequest });
  const tally = emptyTally();
  for (const request of scoreRequests(records, 0, records.count)) isolate.request(records, request, tally);
  return tally;
}

test("an isolate with room for all reads the pages that one reads who notes each row", () => {
  const tally = play(ENOUGH);
  const expected = bruteForce(true);
  expect(tally.keys).toEqual(expected.keys);
  expect(tally.blob + tally.isolate + tally.absent).toBe(expected.here);
  expect(tally.blob + tally.isolate + tally.absent + tally.source).toBe(FIELDS * RECORDS);
  expect(expected.keys.reduce((a, b) => a + b, 0)).toBeGreaterThan(layout.pageCount); // unseen values read some again
});

test("an isolate without memory for rows reads the pages of each request", () => {
  const tally = play(0);
  expect(tally.keys).toEqual(bruteForce(false).keys);
  expect(tally.isolate).toBe(0);
});

test("a cache between the two reads as many keys or more than one with room, and fewer than none", () => {
  const sum = (cacheBytes: number): number => play(cacheBytes).keys.reduce((a, b) => a + b, 0);
  // Two segments of 64 KiB and the index, of 2,500 rows of 36 bytes in pages.
  const [none, some, all] = [sum(0), sum(72 * 1024), sum(ENOUGH)];
  expect(some).toBeLessThan(none);
  expect(some).toBeGreaterThan(all);
});

test("a request to rank reads no more than its budget, and first what most candidates want", () => {
  const limits = { cacheBytes: ENOUGH, keysPerRequest: 3 };
  const isolate = new PlannedIsolate(rows, layout, limits);
  const tally = emptyTally();
  const shape = { first: 0, count: 5, candidates: 100 };
  for (const request of rankRequests(
    records,
    [false, true],
    shape,
    Uint32Array.from({ length: RECORDS }, (_, i) => i),
  )) {
    expect(request.entries.length).toBe(101);
    expect(request.contextEntries).toBe(1);
    isolate.request(records, request, tally);
  }
  expect(tally.keys).toEqual([3, 3, 3, 3, 3]);
  expect(tally.beyondLimit).toBeGreaterThan(0);
  expect(tally.blob + tally.isolate + tally.absent + tally.source + tally.beyondLimit).toBe(505);
});
