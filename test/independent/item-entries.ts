import { viewOf } from "./container.ts";
import { BLOCK_BYTES } from "./filter.ts";
import type { Head } from "./head.ts";
import { Refusal } from "./refusal.ts";
import { faultOfKeys, type Row, readRow, strideOf } from "./rows.ts";
import type { Spec } from "./spec.ts";

// Section 5, section 11 ITEMS of entries. Rule 16.

const MAX_WORDS = 4096;

/** An entry of an item: its field, its row and its value. */
export interface ItemEntry {
  field: number;
  row: Row;
  value: number;
}

export const NO_ENTRIES = { entriesOf: new Map<bigint, ItemEntry[]>(), itemFilter: new Uint8Array(0) };

type Shape = Pick<Head, "rowType" | "dim">;

/** The record in words [start, end); `rows`: those of the blob. What is wrong is told `refuse`. */
function readRecord(
  view: DataView,
  [start, end]: [number, number],
  { rowType, dim }: Shape,
  rows: Row[],
  spec: Spec,
  refuse: (message: string) => never,
): ItemEntry[] {
  const words = end - start;
  if (words < 1 || words > MAX_WORDS) refuse(`a record has ${words} words`);
  const word = (i: number) => view.getUint32(4 * (start + i), true);
  const head = word(0);
  const [entries, own, hasValues] = [head % 4096, Math.floor(head / 4096) % 4096, Math.floor(head / 2 ** 24)];
  const stride = strideOf(rowType, dim);
  if (hasValues > 1) refuse("a bit of the first word is reserved");
  if (words !== 1 + entries * (1 + hasValues) + (own * stride) / 4) refuse(`a record has ${words} words`);
  const ownRows = Array.from({ length: own }, (_, i) => {
    const row = readRow(view, 4 * end - (own - i) * stride, rowType, dim);
    return row ?? refuse(`row ${i} of a record is not finite`);
  });
  let last = 0;
  return Array.from({ length: entries }, (_, i) => {
    const [field, number] = [Math.floor(word(1 + i) / 2 ** 24), word(1 + i) % 2 ** 24];
    if (field < last || spec.fields[field]?.side !== "item") refuse(`got field ${field}`);
    last = field;
    const row = rows[number] ?? ownRows[2 ** 24 - 1 - number];
    const value = hasValues ? view.getFloat32(4 * (start + 1 + entries + i), true) : 1;
    if (!Number.isFinite(value)) refuse(`got value ${value}`);
    return { field, row: row ?? refuse(`got row ${number}`), value };
  });
}

/**
 * Records by their keys. `starts` says where in the view, in bytes, the starts are, of which there is one more;
 * `between` how many bytes are between them and the records.
 */
export function readRecords(
  view: DataView,
  keys: bigint[],
  starts: number,
  between: number,
  shape: Shape,
  rows: Row[],
  spec: Spec,
  refuse: (message: string) => never,
): Map<bigint, ItemEntry[]> {
  const first = starts / 4 + keys.length + 1 + between / 4;
  const start = (i: number) => view.getUint32(starts + 4 * i, true);
  if (start(0) !== 0 || first + start(keys.length) !== view.byteLength / 4) refuse("the records are not all there is");
  return new Map(
    keys.map((key, i) => {
      if (start(i + 1) <= start(i) || start(i + 1) > start(keys.length)) refuse(`record ${i} ends before it begins`);
      return [key, readRecord(view, [first + start(i), first + start(i + 1)], shape, rows, spec, refuse)];
    }),
  );
}

export function readEntries(
  keyBytes: Uint8Array,
  bytes: Uint8Array,
  head: Head,
  rows: Row[],
  spec: Spec,
): { entriesOf: Map<bigint, ItemEntry[]>; itemFilter: Uint8Array } {
  const refuse = (message: string): never => {
    throw new Refusal("blob", 16, message);
  };
  const filter = BLOCK_BYTES * head.itemBlocks;
  if (keyBytes.length !== 8 * head.items) refuse(`ITEM_KEYS has ${keyBytes.length} bytes`);
  if (bytes.length % 4 !== 0 || bytes.length < filter + 4 * (head.items + 1)) refuse(`ITEMS has ${bytes.length} bytes`);
  const keys = Array.from({ length: head.items }, (_, i) => viewOf(keyBytes).getBigUint64(8 * i, true));
  const fault = faultOfKeys(keys);
  if (fault !== undefined) refuse(`ITEM_KEYS: ${fault}`);
  const entriesOf = readRecords(viewOf(bytes), keys, filter, 0, head, rows, spec, refuse);
  return { entriesOf, itemFilter: bytes.subarray(0, filter) };
}
