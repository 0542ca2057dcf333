import { bucketBits } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import { packedBytes, padTo, weightType } from "../../format/layer.ts";
import { readBlob } from "../../format/read-blob.ts";
import { SECTION_NAMES } from "../../format/read-sections.ts";
import { rowStride } from "../../format/row.ts";
import { serialOf } from "../../format/seal.ts";
import { entryOf, viewOf } from "./edit-blob.ts";

// The annotated dumps at the end of FORMAT.md. Every byte of a file belongs to one region, so a dump is complete.

/** The sections' names in the order of their ids, which begin at 1. */
const SECTIONS = SECTION_NAMES.slice(1);

/** Builds a dump from the first byte to the last. Each call takes the next bytes. */
class Dump {
  readonly lines: string[] = [];
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number, text: string): void {
    const bytes = this.#next(length, text);
    for (let at = 0; at < length; at += 16) {
      const note = at === 0 ? text : "";
      if (length - at > 16 && bytes.subarray(at).every((byte) => byte === 0)) {
        this.#line(`00 × ${length - at}`, note);
        this.#offset += length - at;
        return;
      }
      this.#row(bytes.subarray(at, at + 16), note);
    }
  }

  text(length: number): void {
    const bytes = this.#next(length, "text");
    for (let at = 0; at < length; at += 16) {
      const row = bytes.subarray(at, at + 16);
      this.#row(row, String.fromCharCode(...row));
    }
  }

  u32(name: string): void {
    this.take(4, `${name} = ${viewOf(this.#bytes).getUint32(this.#offset, true)}`);
  }

  f32(name: string): void {
    this.take(4, `${name} = ${viewOf(this.#bytes).getFloat32(this.#offset, true)}`);
  }

  zerosTo(end: number, why: string): void {
    if (this.#bytes.subarray(this.#offset, end).some((byte) => byte !== 0)) throw new Error(`${why}: not all zero`);
    this.take(end - this.#offset, why);
  }

  title(text: string): void {
    this.lines.push("", `-- ${text}`);
  }

  finish(): string {
    if (this.#offset !== this.#bytes.length)
      throw new Error(`got a dump of ${this.#offset} bytes, expected ${this.#bytes.length}`);
    return this.lines.join("\n").trim();
  }

  #next(length: number, text: string): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new Error(`${text}: got end ${end}, expected at most ${this.#bytes.length}`);
    return this.#bytes.subarray(this.#offset, end);
  }

  #row(row: Uint8Array, note: string): void {
    this.#line(Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" "), note);
    this.#offset += row.length;
  }

  #line(hex: string, note: string): void {
    this.lines.push(`${this.#offset.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${note}`.trimEnd());
  }
}

export function dumpBlob(bytes: Uint8Array): string {
  const model = readBlob(bytes);
  const view = viewOf(bytes);
  const fields = model.spec.fields.length;
  const hot = model.keys.length / 2;
  const dump = new Dump(bytes);
  const sectionAt = (id: number): number => view.getUint32(entryOf(id) + 4, true);

  dump.title("header");
  dump.take(4, "magic: DFEM");
  for (const name of ["version", "length of the blob"]) dump.u32(name);
  dump.zerosTo(c.BLOB_HEADER_KEY_ID, "reserved");
  dump.take(c.BLOB_HEADER_DIGEST - c.BLOB_HEADER_KEY_ID, "id of the key that signed");
  dump.take(c.BLOB_HEADER_SIGNATURE - c.BLOB_HEADER_DIGEST, "digest of all bytes from 0080 on");
  dump.take(c.BLOB_ENVELOPE_BYTES - c.BLOB_HEADER_SIGNATURE, "signature of the digest");
  dump.u32("sections");
  dump.zerosTo(c.BLOB_HEADER_TABLE_CHECKSUM, "reserved");
  dump.take(8, "checksum of the section table, seed 0");
  dump.take(8, `serial number = ${serialOf(bytes)}`);
  dump.zerosTo(c.BLOB_HEADER_BYTES, "reserved");
  dump.title("section table");
  SECTIONS.forEach((name, i) => {
    dump.take(4, `id = ${i + 1}: ${name}`);
    dump.u32("  offset");
    dump.u32("  length");
    dump.take(4, "  reserved");
    dump.take(8, `  checksum, seed ${i + 1}`);
    dump.take(8, "  reserved");
  });
  const begin = (id: number): void => {
    dump.zerosTo(sectionAt(id), "padding to a multiple of 64");
    dump.title(`section ${SECTIONS[id - 1]}`);
  };
  begin(c.SECTION_SPEC);
  dump.text(view.getUint32(entryOf(c.SECTION_SPEC) + 8, true));
  begin(c.SECTION_MODEL);
  for (const name of [
    "fields F",
    "length D of a vector",
    "row type (0: f32, 1: int8, 2: f16, 3: int4)",
    "rows",
    "bucket bits",
    "pages",
  ])
    dump.u32(name);
  dump.u32("terms (1: linear + 2: FM + 4: MLP + 8: towers)");
  dump.f32("bias");
  for (const name of ["layers", "inputs of the output", "output weights at, in DENSE"]) dump.u32(name);
  dump.u32("FM takes v[0, …)");
  dump.u32("MLP takes v[…, D)");
  dump.u32("products (1: inner + 2: outer)");
  dump.f32("inner scale");
  dump.f32("outer scale");
  for (const name of ["layers of the context tower", "layers of the item tower", "item field", "items"]) dump.u32(name);
  dump.zerosTo(sectionAt(c.SECTION_MODEL) + c.MODEL_HEAD_BYTES, "reserved");
  model.layers.forEach((_layer, i) => {
    dump.u32(`layer ${i}: inputs`);
    for (const name of [
      "outputs",
      "weight type (0: f32, 1: int8)",
      "activation (0: none, 1: ReLU, 2: tanh, 3: sigmoid)",
    ])
      dump.u32(`  ${name}`);
    for (const name of ["weights", "scales", "biases"]) dump.u32(`  ${name} at, in DENSE`);
    dump.f32("  inverse scale of the input");
    dump.f32("  zero point of the input");
    dump.zerosTo(sectionAt(c.SECTION_MODEL) + c.MODEL_HEAD_BYTES + (i + 1) * c.LAYER_ENTRY_BYTES, "  reserved");
  });
  dump.take(fields, "sides of the fields (0: context, 1: item)");
  begin(c.SECTION_BUCKETS);
  for (let i = 0; i <= 2 ** bucketBits(hot); i++) dump.u32(`start ${i}`);
  begin(c.SECTION_KEYS);
  for (let i = 0; i < hot; i++) dump.take(8, `key ${i}`);
  begin(c.SECTION_ROWS);
  for (let i = 0; i < fields + hot; i++) {
    dumpRow(dump, model.rowType, model.embeddingDim, i < fields ? `OOV row of field ${i}` : `row of key ${i - fields}`);
  }
  begin(c.SECTION_PAGES);
  for (let i = 0; i < model.pageDigests.length / c.PAGE_DIGEST_BYTES; i++)
    dump.take(c.PAGE_DIGEST_BYTES, `digest of page ${i}`);
  begin(c.SECTION_DENSE);
  const dense = sectionAt(c.SECTION_DENSE);
  model.layers.forEach((layer, i) => {
    const entry = sectionAt(c.SECTION_MODEL) + c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES;
    const shape = `${layer.outputs} × ${layer.inputs}`;
    const region = (name: string, field: number, length: number): void => {
      dump.zerosTo(dense + view.getUint32(entry + field, true), "padding to a multiple of 64");
      dump.take(length, `layer ${i}: ${name}`);
    };
    const perOutput = 4 * padTo(layer.outputs, c.PAD_OUTPUTS);
    const packed = packedBytes(weightType(layer), layer.inputs, layer.outputs);
    region(`packed weights, ${shape}`, c.LAYER_WEIGHTS, packed);
    if (weightType(layer) === c.TYPE_I8) region("scales", c.LAYER_SCALES, perOutput);
    region("biases", c.LAYER_BIASES, perOutput);
  });
  const outputAt = view.getUint32(sectionAt(c.SECTION_MODEL) + c.MODEL_OUTPUT_WEIGHTS, true);
  dump.zerosTo(dense + outputAt, "padding to a multiple of 64");
  dump.take(4 * padTo(model.outputWeights.length, c.PAD_OUTPUTS), "output weights");
  for (const id of [c.SECTION_EVIDENCE, c.SECTION_GOLDEN]) {
    begin(id);
    dump.text(view.getUint32(entryOf(id) + 8, true));
  }
  begin(c.SECTION_ITEM_KEYS);
  const items = model.items.keys.length / 2;
  for (let i = 0; i < items; i++) dump.take(8, `key of item ${i}`);
  begin(c.SECTION_ITEMS);
  for (let i = 0; i < items; i++) dump.take(model.items.records.length / items, `item ${i}`);
  begin(c.SECTION_FILTER);
  for (let i = 0; i < model.filter.byteLength; i += c.FILTER_BLOCK_BYTES)
    dump.take(c.FILTER_BLOCK_BYTES, `block ${i / c.FILTER_BLOCK_BYTES}`);
  dump.zerosTo(bytes.length, "padding to a multiple of 64");
  return dump.finish();
}

export function dumpPage(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const dump = new Dump(bytes);
  dump.title("header");
  dump.take(4, "magic: DFEP");
  for (const name of [
    "version",
    "length of the page",
    "row type (0: f32, 1: int8, 2: f16, 3: int4)",
    "length D of a vector",
    "rows",
  ])
    dump.u32(name);
  dump.u32("number of the page");
  dump.u32("pages of the model");
  dump.title("keys");
  const count = view.getUint32(c.PAGE_ROW_COUNT, true);
  for (let i = 0; i < count; i++) dump.take(8, `key ${i}`);
  dump.title("rows");
  for (let i = 0; i < count; i++) {
    dumpRow(dump, view.getUint32(c.PAGE_ROW_TYPE, true), view.getUint32(c.PAGE_EMBEDDING_DIM, true), `row of key ${i}`);
  }
  return dump.finish();
}

function dumpRow(dump: Dump, rowType: number, k: number, name: string): void {
  if (rowType === c.TYPE_F32 || rowType === c.TYPE_F16) {
    dump.take(rowStride(rowType, k), `${name}: w, v`);
    return;
  }
  dump.f32(`${name}: scale`);
  dump.f32("  w");
  dump.take(rowStride(rowType, k) - 8, "  v / scale, padded");
}

/** The bytes that a dump shows: the inverse of a dump. Throws where there is a hole. */
export function parseDump(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const line of text.split("\n")) {
    const match = /^([0-9a-f]{4}) {2}(?:00 × (\d+)|((?:[0-9a-f]{2} ?)+))(?: |$)/.exec(line);
    if (!match) continue;
    if (Number.parseInt(match[1] ?? "", 16) !== bytes.length) throw new Error(`got a hole before: ${line}`);
    if (match[2]) for (let i = 0; i < Number(match[2]); i++) bytes.push(0);
    for (const hex of (match[3] ?? "").trim().split(" ").filter(Boolean)) bytes.push(Number.parseInt(hex, 16));
  }
  return Uint8Array.from(bytes);
}
