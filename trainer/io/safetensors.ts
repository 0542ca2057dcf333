import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { parseJson, parseWith } from "../../format/parse.ts";
import { CHECKSUM, Checksum, verifyChecksum } from "./checksum.ts";
import { writeWhole } from "./files.ts";
import { FileReader, PART_BYTES, partsOf } from "./parts.ts";

// The safetensors format of Hugging Face, which every framework reads: the u64 length of a JSON header, the header, the
// bytes of the tensors. The first metadata is the checksum of the whole file, in which its own digits count as zeros.
// A file without it is another program's, or an earlier version's.

const UNKNOWN_CHECKSUM = "00000000";

type Data = Float32Array | Uint32Array | Uint16Array;
export interface NamedTensor {
  shape: number[];
  data: Data;
}

const TYPES = { F32: Float32Array, U32: Uint32Array, U16: Uint16Array } as const;
type TypeName = keyof typeof TYPES;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const HeaderSchema = v.objectWithRest(
  { __metadata__: v.optional(v.record(v.string(), v.string()), {}) },
  v.object({ dtype: v.string(), shape: v.array(count), data_offsets: v.tuple([count, count]) }),
);

function typeName(data: Data): TypeName {
  if (data instanceof Float32Array) return "F32";
  return data instanceof Uint32Array ? "U32" : "U16";
}

/** The largest header that is read: that of the format's own library. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Writes a safetensors file whole or not at all, in parts: it may be larger than any buffer. `metadata`: texts by their
 * names; the name of the checksum is not among them. Throws UserError where the system refuses.
 */
export function writeSafetensors(
  path: string,
  tensors: Record<string, NamedTensor>,
  metadata: Record<string, string>,
  partBytes = PART_BYTES,
): void {
  const header: Record<string, unknown> = { __metadata__: { [CHECKSUM]: UNKNOWN_CHECKSUM, ...metadata } };
  let size = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: typeName(data), shape, data_offsets: [size, size + data.byteLength] };
    size += data.byteLength;
  }
  const text = JSON.stringify(header);
  // Padded with spaces, so that the data begins at a multiple of 8.
  const json = new TextEncoder().encode(text + " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8));
  const head = new Uint8Array(8 + json.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
  head.set(json, 8);
  function* parts(): Generator<Uint8Array> {
    yield head;
    for (const { data } of Object.values(tensors)) yield* partsOf(data, partBytes);
  }
  const checksum = new Checksum();
  for (const part of parts()) checksum.add(part);
  head.set(new TextEncoder().encode(checksum.text), 8 + text.indexOf(UNKNOWN_CHECKSUM));
  writeWhole(path, parts());
}

interface Safetensors {
  tensors: Record<string, NamedTensor>;
  metadata: Record<string, string>;
}

/**
 * Reads a safetensors file, in parts. Throws FormatError where it cannot be read, where it is damaged, or where a
 * length or a type is wrong.
 */
export function readSafetensors(path: string, partBytes = PART_BYTES): Safetensors {
  using file = new FileReader(path);
  const { metadata, places, start, checksum, stated } = readHeader(file);
  const tensors: Record<string, NamedTensor> = {};
  for (const { name, shape, from, to, type } of places) {
    const data = new TYPES[type]((to - from) / TYPES[type].BYTES_PER_ELEMENT);
    for (const part of file.fill(data, start + from, partBytes)) checksum.add(part);
    tensors[name] = { shape, data };
  }
  if (stated !== undefined) verifyChecksum(checksum.text, stated, path);
  return { tensors, metadata };
}

/** Reads the metadata of a safetensors file, and checks the whole of it without holding its tensors in memory. */
export function readMetadata(path: string): Record<string, string> {
  using file = new FileReader(path);
  const { metadata, start, checksum, stated } = readHeader(file);
  if (stated === undefined) return metadata;
  const buffer = new Uint8Array(Math.min(PART_BYTES, file.size - start));
  for (let at = start; at < file.size; at += buffer.length)
    for (const part of file.fill(buffer.subarray(0, file.size - at), at)) checksum.add(part);
  verifyChecksum(checksum.text, stated, path);
  return metadata;
}

/** Where a tensor's bytes are: [from, to) from the end of the header on. */
interface Place {
  name: string;
  type: TypeName;
  shape: number[];
  from: number;
  to: number;
}

interface Header {
  metadata: Record<string, string>;
  /** In the order of their bytes, without a gap up to the file's end. */
  places: Place[];
  /** Where the header ends. */
  start: number;
  /** The checksum of the header. */
  checksum: Checksum;
  /** The checksum that it states of the whole file; undefined where it states none. */
  stated: string | undefined;
}

function readHeader(file: FileReader): Header {
  const length = new DataView(new ArrayBuffer(8));
  const headerBytes = file.size >= 8 ? Number(bigUint64(file, length)) : Number.POSITIVE_INFINITY;
  if (headerBytes > Math.min(file.size - 8, MAX_HEADER_BYTES))
    throw new FormatError(file.path, `got ${file.size} bytes, expected a header that fits in them`);
  const json = new Uint8Array(headerBytes);
  for (const _ of file.fill(json, 8));
  const text = new TextDecoder().decode(json);
  const {
    __metadata__: { [CHECKSUM]: stated, ...metadata },
    ...header
  } = parseWith(HeaderSchema, parseJson(text, `${file.path}: header`), file.path);
  const start = 8 + headerBytes;
  const places = placesOf(header, file.size - start, file.path);
  if (stated !== undefined) blankChecksum(json, text, stated);
  const checksum = new Checksum();
  checksum.add(new Uint8Array(length.buffer));
  checksum.add(json);
  return { metadata, places, start, checksum, stated };
}

function bigUint64(file: FileReader, into: DataView): bigint {
  for (const _ of file.fill(into, 0));
  return into.getBigUint64(0, true);
}

/** Puts zeros in the place of the checksum's digits, as they were when it was computed. */
function blankChecksum(json: Uint8Array, text: string, stated: string): void {
  const before = text.slice(0, text.indexOf(stated, text.indexOf(`"${CHECKSUM}"`)));
  const at = new TextEncoder().encode(before).length;
  json.fill("0".charCodeAt(0), at, at + stated.length);
}

/** Checks the tensors that a header names against the length of the data, before any memory is taken for them. */
function placesOf(
  header: Omit<v.InferOutput<typeof HeaderSchema>, "__metadata__">,
  dataBytes: number,
  path: string,
): Place[] {
  const places: Place[] = [];
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [from, to] = data_offsets;
    const type = (Object.keys(TYPES) as TypeName[]).find((known) => known === dtype);
    if (!type)
      throw new FormatError(`${path}: ${name}`, `got type ${dtype}, expected ${Object.keys(TYPES).join(", ")}`);
    const expected = shape.reduce((a, b) => a * b, 1) * TYPES[type].BYTES_PER_ELEMENT;
    if (to - from !== expected || to > dataBytes)
      throw new FormatError(
        `${path}: ${name}`,
        `got bytes ${from} to ${to} of ${dataBytes}, expected ${expected} of them`,
      );
    places.push({ name, type, shape, from, to });
  }
  places.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of places) {
    if (from !== end) throw new FormatError(`${path}: ${name}`, `got bytes from ${from}, expected them from ${end} on`);
    end = to;
  }
  if (end !== dataBytes) throw new FormatError(path, `got ${dataBytes} bytes of tensors, expected ${end}`);
  return places;
}

/** The elements of a tensor. Throws FormatError where it is missing or has another type or shape. */
export function tensorData<T extends TypeName>(
  tensors: Record<string, NamedTensor>,
  name: string,
  type: T,
  shape: readonly number[],
  place: string,
): InstanceType<(typeof TYPES)[T]> {
  const tensor = tensors[name];
  const expected = `${type} [${shape.join(", ")}]`;
  const got = tensor ? `${typeName(tensor.data)} [${tensor.shape.join(", ")}]` : "nothing";
  if (!tensor || got !== expected) throw new FormatError(`${place}: ${name}`, `got ${got}, expected ${expected}`);
  return tensor.data as InstanceType<(typeof TYPES)[T]>;
}

/** Tensors under names that begin with `prefix`. */
export function prefixed(prefix: string, tensors: Record<string, NamedTensor>): Record<string, NamedTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
}

/** The inverse of `prefixed`; leaves out tensors whose names do not begin so. */
export function unprefixed(prefix: string, tensors: Record<string, NamedTensor>): Record<string, NamedTensor> {
  const own = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
