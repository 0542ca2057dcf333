import * as c from "./constants.ts";
import { fromHex } from "./hash.ts";
import { compareKeys } from "./keys.ts";
import { readSections } from "./read-sections.ts";

// Finds what two blobs have in common, section by section. Rows are compared with the row of the same key, wherever a
// row was added before it; all else by its place, and where its length has changed, from both ends.

/**
 * The patch that makes `blob` of `base`, whose version is 64 hex digits; null where it would be longer than a patch may
 * be. It takes a few passes over both. Throws FormatError where one of them is no blob.
 */
export function writePatch(base: Uint8Array, version: string, blob: Uint8Array): Uint8Array | null {
  const [from, to] = [sectionsOf(base), sectionsOf(blob)];
  const steps = new Steps(blob);
  comparePlaces(steps, from.head, to.head);
  const shared = new Map<number, number[]>();
  for (let id = 1; id <= c.SECTION_COUNT; id++) {
    const [a, b] = [from.section(id), to.section(id)];
    const keysId = KEYS_OF.get(id);
    if (id === c.SECTION_KEYS || id === c.SECTION_ITEM_KEYS) shared.set(id, compareKeyLists(steps, a, b));
    else if (keysId === undefined) comparePlaces(steps, a, b);
    else compareRows(steps, from.rows(id, keysId), to.rows(id, keysId), shared.get(keysId) ?? []);
    comparePlaces(steps, from.padding(id), to.padding(id));
  }
  const own = steps.finish();
  const length = c.PATCH_HEADER_BYTES + own.length;
  if (length > blob.length / c.PATCH_FRACTION) return null;
  const patch = new Uint8Array(length);
  const view = new DataView(patch.buffer);
  view.setUint32(0, c.PATCH_MAGIC, true);
  view.setUint32(c.PATCH_HEADER_VERSION, c.PATCH_VERSION, true);
  view.setUint32(c.PATCH_HEADER_LENGTH, length, true);
  view.setUint32(c.PATCH_HEADER_BLOB_LENGTH, blob.length, true);
  view.setUint32(c.PATCH_HEADER_BASE_LENGTH, base.length, true);
  patch.set(fromHex(version), c.PATCH_HEADER_BASE);
  patch.set(own, c.PATCH_HEADER_BYTES);
  return patch;
}

/** By the id of a section with a row for each key: that of its keys. */
const KEYS_OF = new Map<number, number>([
  [c.SECTION_ROWS, c.SECTION_KEYS],
  [c.SECTION_ITEMS, c.SECTION_ITEM_KEYS],
]);

/** Bytes of a blob, and where they are in it. */
interface Place {
  at: number;
  bytes: Uint8Array;
}

/** Rows of a blob: `lead` without a key, the fields' OOV rows, and then those of keys. */
interface Rows extends Place {
  lead: number;
  rowBytes: number;
}

interface Sections {
  /** All before the first section. */
  head: Place;
  section(id: number): Place;
  /** The bytes between a section and the next one, or the blob's end. */
  padding(id: number): Place;
  rows(id: number, keysId: number): Rows;
}

function sectionsOf(blob: Uint8Array): Sections {
  const sections = readSections(blob, false);
  const section = (id: number): Place => {
    const bytes = sections[id - 1] as Uint8Array;
    return { at: bytes.byteOffset - blob.byteOffset, bytes };
  };
  const model = section(c.SECTION_MODEL).bytes;
  const fields = new DataView(model.buffer, model.byteOffset, model.length).getUint32(c.MODEL_FIELDS, true);
  return {
    head: { at: 0, bytes: blob.subarray(0, section(1).at) },
    section,
    padding(id) {
      const { at, bytes } = section(id);
      const end = id < c.SECTION_COUNT ? section(id + 1).at : blob.length;
      return { at: at + bytes.length, bytes: blob.subarray(at + bytes.length, end) };
    },
    rows(id, keysId) {
      const place = section(id);
      const lead = id === c.SECTION_ROWS ? fields : 0;
      const count = lead + section(keysId).bytes.length / KEY_BYTES;
      return { ...place, lead, rowBytes: count === 0 ? 0 : place.bytes.length / count };
    },
  };
}

const KEY_BYTES = 8;

/** Returns the numbers of the keys that both lists have: in the base's, and then in the blob's. */
function compareKeyLists(steps: Steps, a: Place, b: Place): number[] {
  const [from, to] = [a, b].map(({ bytes }) => new Uint32Array(bytes.slice().buffer)) as [Uint32Array, Uint32Array];
  const shared: number[] = [];
  for (let i = 0, j = 0; i < from.length && j < to.length; ) {
    const order = compareKeys(from[i] as number, from[i + 1] as number, to[j] as number, to[j + 1] as number);
    if (order === 0) {
      shared.push(i / 2, j / 2);
      steps.copy(a.at + 4 * i, b.at + 4 * j, KEY_BYTES);
    }
    if (order <= 0) i += 2;
    if (order >= 0) j += 2;
  }
  return shared;
}

/** Compares the rows of the same keys, by the numbers of these. */
function compareRows(steps: Steps, a: Rows, b: Rows, shared: readonly number[]): void {
  const { rowBytes } = a;
  if (rowBytes !== b.rowBytes || !Number.isInteger(rowBytes)) return;
  const compare = (i: number, j: number): void => {
    const [from, to] = [i * rowBytes, j * rowBytes];
    for (let k = 0; k < rowBytes; k++) if (a.bytes[from + k] !== b.bytes[to + k]) return;
    steps.copy(a.at + from, b.at + to, rowBytes);
  };
  for (let row = 0; row < Math.min(a.lead, b.lead); row++) compare(row, row);
  for (let i = 0; i < shared.length; i += 2) compare(a.lead + (shared[i] ?? 0), b.lead + (shared[i + 1] ?? 0));
}

/** Compares bytes by their place, and where their number has changed, from the front and from the end. */
function comparePlaces(steps: Steps, a: Place, b: Place): void {
  const [from, to] = [a.bytes, b.bytes];
  const shift = to.length - from.length;
  const least = Math.min(from.length, to.length);
  let start = 0;
  for (let i = 0; i <= least; i++) {
    if (i < least && from[i] === to[i]) continue;
    steps.copy(a.at + start, b.at + start, i - start);
    start = i + 1;
    if (shift !== 0) break;
  }
  if (shift !== 0) compareEnds(steps, a, b, least - start + 1);
}

/** Compares the last bytes of two places, of at most so many. */
function compareEnds(steps: Steps, a: Place, b: Place, most: number): void {
  const [from, to] = [a.bytes, b.bytes];
  let count = 0;
  while (count < most && from[from.length - 1 - count] === to[to.length - 1 - count]) count++;
  steps.copy(a.at + from.length - count, b.at + to.length - count, count);
}

/** Bytes of a range of the base at least: naming a range takes three, and most that are shorter are chance. */
const LEAST_COPY = 8;

/** The steps that make a blob, as a patch has them. */
class Steps {
  readonly #blob: Uint8Array;
  #bytes = new Uint8Array(2 ** 16);
  #length = 0;
  /** Bytes of the blob that steps make, and of the base that they are past. */
  #made = 0;
  #past = 0;
  /** A range of the base that may go on. */
  #range = { from: 0, to: 0, length: 0 };

  constructor(blob: Uint8Array) {
    this.#blob = blob;
  }

  /** Takes `length` bytes of the blob at `to` from the base at `from`. Either is past all that were taken before. */
  copy(from: number, to: number, length: number): void {
    const { from: before, to: place, length: so } = this.#range;
    if (from === before + so && to === place + so) {
      this.#range.length += length;
      return;
    }
    this.#end();
    this.#range = { from, to, length };
  }

  /** All of the steps. */
  finish(): Uint8Array {
    this.#end();
    this.#step(this.#blob.length, this.#past, 0);
    return this.#bytes.subarray(0, this.#length);
  }

  #end(): void {
    const { from, to, length } = this.#range;
    if (length >= LEAST_COPY) this.#step(to, from, length);
  }

  /** Makes the blob up to `to` of the patch's own bytes, and then `length` more of the base's from `from` on. */
  #step(to: number, from: number, length: number): void {
    const own = this.#blob.subarray(this.#made, to);
    if (own.length + length === 0) return;
    this.#makeRoom(own.length + 3 * c.PATCH_NUMBER_BYTES);
    for (const number of [own.length, from - this.#past, length]) this.#number(number);
    this.#bytes.set(own, this.#length);
    this.#length += own.length;
    this.#made = to + length;
    this.#past = from + length;
  }

  #number(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) + 128;
    this.#bytes[this.#length++] = rest;
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const more = new Uint8Array(2 * (this.#length + bytes));
    more.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = more;
  }
}
