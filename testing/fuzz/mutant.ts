// Mutants: blobs and pages with damage that only a seed and a number decide. Most have right checksums and a right
// digest, so that the damage gets as far as the check that must stop it.
import { hash } from "node:crypto";
import * as c from "../../format/constants.ts";
import { edited, entryOf, sectionsOf, viewOf, withSections, withTable } from "../format/edit-blob.ts";
import { integer, pick, seeded } from "../format/random.ts";
import { BLOBS, type OriginalBlob, type OriginalPage, PAGES } from "./corpus.ts";
import { damage, edgeWord, resizedBytes, spliced } from "./damage.ts";
import { damagedJson } from "./damage-json.ts";

type Random = () => number;

export type Mutant = { number: number; bytes: Uint8Array; random: Random } & (
  | { kind: "blob"; original: OriginalBlob }
  | { kind: "page"; original: OriginalPage }
);

/** Makes mutant `number` of `seed`. Its `random` goes on where the mutation ended, for what a check draws. */
export function mutant(seed: number, number: number): Mutant {
  const random = seeded(Math.imul(seed, 0x9e3779b1) + number);
  if (random() < 0.1) {
    const original = pick(random, PAGES);
    return { kind: "page", number, original, bytes: mutatedPage(original.bytes, random), random };
  }
  const original = pick(random, BLOBS);
  return { kind: "blob", number, original, bytes: mutatedBlob(original.bytes, random), random };
}

const TABLE_END = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;
const BLOB_HEADER = words(0, c.BLOB_HEADER_BYTES - 4);
const TABLE = words(c.BLOB_HEADER_BYTES, TABLE_END - 4);
const MODEL_HEAD = words(0, c.MODEL_ITEM_COUNT);
const PAGE_HEADER = words(0, c.PAGE_HEADER_BYTES - 4);
const JSON_SECTIONS = [c.SECTION_SPEC, c.SECTION_EVIDENCE, c.SECTION_GOLDEN];

/** How often each section is damaged: MODEL most, as all other checks are about what it says. */
const TARGETS = [
  ...Array<number>(8).fill(c.SECTION_MODEL),
  ...Array<number>(3).fill(c.SECTION_SPEC),
  ...Array<number>(3).fill(c.SECTION_DENSE),
  ...Array<number>(2).fill(c.SECTION_ROWS),
  ...Array<number>(2).fill(c.SECTION_GOLDEN),
  ...Array<number>(3).fill(c.SECTION_ITEMS),
  ...[c.SECTION_BUCKETS, c.SECTION_KEYS, c.SECTION_PAGES, c.SECTION_EVIDENCE, c.SECTION_ITEM_KEYS, c.SECTION_FILTER],
];

/** The offsets of the words from `first` to `last`. */
function words(first: number, last: number): number[] {
  return Array.from({ length: (last - first) / 4 + 1 }, (_, i) => first + 4 * i);
}

function mutatedBlob(good: Uint8Array, random: Random): Uint8Array {
  const sections = sectionsOf(good);
  for (let edits = random() < 0.7 ? 1 : integer(random, 2, 4); edits > 0; edits--) editSection(sections, random);
  const blob = random() < 0.88 ? withSections(good, sections) : mutatedContainer(good, random);
  return random() < 0.9 ? sealed(blob) : blob;
}

/** Replaces one of the sections by a damaged copy. */
function editSection(sections: Uint8Array[], random: Random): void {
  let id = pick(random, TARGETS);
  // There is little to damage in an empty section.
  if (!sections[id - 1]?.length) id = pick(random, TARGETS);
  const old = sections[id - 1];
  if (!old) return; // a section that the blob's format does not have
  const way = random();
  if (way < 0.06) sections[id - 1] = resizedBytes(old, random);
  else if (way < 0.12) {
    const other = pick(random, BLOBS).bytes;
    const from = random() < 0.8 ? (sectionsOf(other)[id - 1] ?? old) : pick(random, sectionsOf(other));
    sections[id - 1] = random() < 0.5 ? from : spliced(old, from, random);
  } else if (way < 0.14) {
    const other = integer(random, 1, sections.length);
    sections[id - 1] = sections[other - 1];
    sections[other - 1] = old;
  } else if (JSON_SECTIONS.includes(id) && random() < 0.9) sections[id - 1] = damagedJson(old, random);
  else {
    const copy = old.slice();
    if (id === c.SECTION_MODEL && copy.length >= c.MODEL_HEAD_BYTES) editModel(copy, random);
    else damage(copy, random);
    sections[id - 1] = copy;
  }
}

/** Changes a number of MODEL's head or of a layer, or a side, in place. */
function editModel(model: Uint8Array, random: Random): void {
  const layers = viewOf(model).getUint32(c.MODEL_LAYER_COUNT, true);
  const end = c.MODEL_HEAD_BYTES + layers * c.LAYER_ENTRY_BYTES;
  const way = random();
  if (way < 0.45 || end > model.length || layers === 0) {
    edgeWord(model, pick(random, MODEL_HEAD), MODEL_HEAD, random);
  } else if (way < 0.85) {
    const entries = Array.from({ length: layers }, (_, i) => c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES);
    const at = integer(random, 0, c.LAYER_INPUT_ZERO / 4) * 4;
    const alike = entries.flatMap((entry) => [entry + at, entry + c.LAYER_WEIGHTS, entry + c.LAYER_BIASES]);
    edgeWord(model, pick(random, entries) + at, alike, random);
  } else if (way < 0.92) {
    const entry = (): number => c.MODEL_HEAD_BYTES + integer(random, 0, layers - 1) * c.LAYER_ENTRY_BYTES;
    const from = entry();
    model.copyWithin(entry(), from, from + c.LAYER_ENTRY_BYTES);
  } else damage(model.subarray(end), random);
}

/** Changes the header, the table or the file's length, or anything else, under checksums that are wrong then. */
function mutatedContainer(good: Uint8Array, random: Random): Uint8Array {
  const way = random();
  if (way < 0.3) {
    const entry = entryOf(integer(random, 1, c.SECTION_COUNT)) + 4 * integer(random, 0, 3);
    return withTable(good, (view) => edgeWord(new Uint8Array(view.buffer), entry, TABLE, random));
  }
  if (way < 0.5) {
    return edited(good, (_, bytes) => edgeWord(bytes, pick(random, BLOB_HEADER), BLOB_HEADER, random));
  }
  if (way < 0.6) return statingItsLength(resizedBytes(good, random), c.BLOB_HEADER_LENGTH);
  if (way < 0.7) return resizedBytes(good, random);
  if (way < 0.75) return spliced(good, pick(random, BLOBS).bytes, random);
  return edited(good, (_, bytes) => damage(bytes, random));
}

/** Writes a file's length into its header, in place, where there is room for it. */
function statingItsLength(bytes: Uint8Array, at: number): Uint8Array {
  if (bytes.length >= at + 4) viewOf(bytes).setUint32(at, bytes.length, true);
  return bytes;
}

/** Puts the digest in the envelope right, in place, where there is an envelope. */
function sealed(blob: Uint8Array): Uint8Array {
  if (blob.length >= c.BLOB_ENVELOPE_BYTES)
    blob.set(hash("sha256", blob.subarray(c.BLOB_ENVELOPE_BYTES), "buffer"), c.BLOB_HEADER_DIGEST);
  return blob;
}

function mutatedPage(good: Uint8Array, random: Random): Uint8Array {
  const way = random();
  if (way < 0.1) return resizedBytes(good, random);
  if (way < 0.2) return spliced(good, pick(random, PAGES).bytes, random);
  const bytes = way < 0.3 ? resizedBytes(good, random) : good.slice();
  if (way < 0.6 && bytes.length >= c.PAGE_HEADER_BYTES) edgeWord(bytes, pick(random, PAGE_HEADER), PAGE_HEADER, random);
  else damage(bytes.subarray(c.PAGE_HEADER_BYTES), random);
  // Most mutants state their own length.
  return random() < 0.8 ? statingItsLength(bytes, c.PAGE_BYTES) : bytes;
}
