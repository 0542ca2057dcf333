// A model whose rows are laid out by the planner, as Workers KV has it, and a log by Zipf's law of requests for it.
import * as c from "../../format/constants.ts";
import { pageDigest, writePage } from "../../format/page.ts";
import { rowStride } from "../../format/row.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import { HASH_KEY } from "../../testing/format/hash-key.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { Vocabulary } from "../../trainer/data/vocabulary.ts";
import { keysOf } from "../../trainer/export/rows.ts";
import { sealExport } from "../../trainer/export/seal.ts";
import type { PlannedRecords } from "../../trainer/plan/planned-records.ts";
import { layOut, type PlannedRows, type RowLayout, rowsInOrder } from "../../trainer/plan/planned-rows.ts";
import { Traffic } from "../cache/traffic.ts";
import { kvPairs } from "../http/model.ts";

/** The fields: an item's, and one of the context. Their values of one rank are rows that follow each other. */
export const FIELDS = ["f0", "f1"] as const;
const F = FIELDS.length;
const SHAPE = { fields: F, embeddingDim: 16, hidden: [32], rowType: c.TYPE_I8 };
const STRIDE = rowStride(SHAPE.rowType, SHAPE.embeddingDim);
const PAGE_BYTES = 16 * 1024;
const ZIPF = 1.05;

export interface ReplayModel {
  rows: PlannedRows;
  layout: RowLayout;
  /** Of each field. */
  values: number;
}

export interface ReplayShape {
  /** How many values each field has. */
  values: number;
  /** Rows in the blob, of both fields. */
  headRows: number;
  pageBytes?: number;
}

export function replayModel({ values, headRows, pageBytes = PAGE_BYTES }: ReplayShape): ReplayModel {
  const rowCount = F * values;
  const keys = new Uint32Array(2 * (F + rowCount));
  for (const [f, field] of FIELDS.entries()) {
    const hash = rowKeyHash(HASH_KEY, field);
    for (let row = F + f; row < F + rowCount; row += F) {
      const { lo, hi } = hash(textOf(row), { lo: 0, hi: 0 });
      keys[2 * row] = lo;
      keys[2 * row + 1] = hi;
    }
  }
  const fieldOf = Uint16Array.from({ length: F + rowCount }, (_, row) => row % F);
  const vocabulary = new Vocabulary(F, keys, fieldOf, new Uint32Array(F + rowCount));
  const ranked = Array.from({ length: rowCount }, (_, i) => F + i);
  const placed = { blob: [], paged: [], ranked, knowsFields: true };
  const rows = rowsInOrder(vocabulary, placed, SHAPE.rowType, SHAPE.embeddingDim);
  return { rows, layout: layOut(rows, headRows * (8 + STRIDE), pageBytes), values };
}

/** What Workers KV has of the model. The numbers of rows are random. */
export async function pairsOf({ rows, layout }: ReplayModel): Promise<Map<string, string | Uint8Array>> {
  const { vocabulary } = rows;
  const { inBlob, pageCount, starts, paged, filter, headRows } = layout;
  const drawn = randomModel({ ...SHAPE, hotRows: headRows, pages: pageCount });
  const keys = keysOf(
    rows.sorted.filter((row) => inBlob[row] === 1),
    vocabulary,
  );
  const page = { rowType: SHAPE.rowType, embeddingDim: SHAPE.embeddingDim, pageCount };
  const pages = [];
  for (let number = 0; number < pageCount; number++) {
    const words = keysOf(Array.from(paged.subarray(starts[number], starts[number + 1])), vocabulary);
    // Any rows do: their numbers are finite.
    const bytes = writePage(page, number, words, drawn.rows.slice(0, (words.length / 2) * STRIDE));
    const digest = await pageDigest(bytes);
    drawn.pageDigests.set(digest, number * c.PAGE_DIGEST_BYTES);
    pages.push({ bytes, digest });
  }
  const golden = [{ [FIELDS[0]]: textOf(F), [FIELDS[1]]: textOf(F + 1) }];
  const exported = await sealExport({ model: { ...drawn, keys, filter }, pages }, {}, golden);
  return kvPairs([{ name: drawn.spec.name, exported }]);
}

/** The text whose row has a number. */
export function textOf(row: number): string {
  return `v${row}`;
}

/** Draws records, each of an item and a context. */
export class ReplayLog {
  readonly #traffic: readonly Traffic[];
  readonly #vocabulary: Vocabulary;

  constructor({ rows, values }: ReplayModel, seed: number) {
    this.#vocabulary = rows.vocabulary;
    this.#traffic = FIELDS.map((_, f) => new Traffic(values, ZIPF, seed + f));
  }

  /** Makes other values the most popular ones, as many as the blob has of a field. The blob stays as it is. */
  moveHead(rows: number): void {
    for (const traffic of this.#traffic) traffic.moveHead(rows);
  }

  draw(count: number): PlannedRecords {
    const rows = Uint32Array.from({ length: F * count }, (_, i) => F * (this.#traffic[i % F].next() + 1) + (i % F));
    const { keys } = this.#vocabulary;
    return {
      ...{ count, fields: F, rows },
      offsets: Uint32Array.from({ length: F * count + 1 }, (_, i) => i),
      keys: Uint32Array.from({ length: 2 * rows.length }, (_, i) => keys[2 * rows[i >>> 1] + (i & 1)]),
      fieldOf: Uint16Array.from({ length: rows.length }, (_, i) => i % F),
    };
  }
}
