import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { parseJson, parseWith } from "../../format/parse.ts";
import { CHECKSUM, checksumOf, verifyChecksum } from "./checksum.ts";

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

const HeaderSchema = v.objectWithRest(
  { __metadata__: v.optional(v.record(v.string(), v.string()), {}) },
  v.object({ dtype: v.string(), shape: v.array(v.number()), data_offsets: v.tuple([v.number(), v.number()]) }),
);

function typeName(data: Data): TypeName {
  if (data instanceof Float32Array) return "F32";
  return data instanceof Uint32Array ? "U32" : "U16";
}

/** The bytes of a safetensors file. `metadata`: texts by their names; the name of the checksum is not among them. */
export function writeSafetensors(tensors: Record<string, NamedTensor>, metadata: Record<string, string>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { [CHECKSUM]: UNKNOWN_CHECKSUM, ...metadata } };
  let size = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: typeName(data), shape, data_offsets: [size, size + data.byteLength] };
    size += data.byteLength;
  }
  const text = JSON.stringify(header);
  // Padded with spaces, so that the data begins at a multiple of 8.
  const json = new TextEncoder().encode(text + " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8));
  const bytes = new Uint8Array(8 + json.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  bytes.set(new TextEncoder().encode(checksumOf(bytes)), 8 + text.indexOf(UNKNOWN_CHECKSUM));
  return bytes;
}

/** Compares a file with the checksum in its header. Throws FormatError. */
function verifyFile(bytes: Uint8Array, header: string, stated: string, place: string): void {
  const before = header.slice(0, header.indexOf(stated, header.indexOf(`"${CHECKSUM}"`)));
  const at = 8 + new TextEncoder().encode(before).length;
  const zeroed = [bytes.subarray(0, at), UNKNOWN_CHECKSUM, bytes.subarray(at + stated.length)];
  verifyChecksum(checksumOf(...zeroed), stated, place);
}

/**
 * Reads a safetensors file. `place`: its name in errors. Throws FormatError where it is damaged, or where a length or a
 * type is wrong.
 */
export function readSafetensors(
  bytes: Uint8Array,
  place: string,
): { tensors: Record<string, NamedTensor>; metadata: Record<string, string> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : Number.POSITIVE_INFINITY;
  if (headerBytes > bytes.length - 8)
    throw new FormatError(place, `got ${bytes.length} bytes, expected a header that fits in them`);
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes));
  const {
    __metadata__: { [CHECKSUM]: stated, ...metadata },
    ...header
  } = parseWith(HeaderSchema, parseJson(text, `${place}: header`), place);
  if (stated !== undefined) verifyFile(bytes, text, stated, place);
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + headerBytes, bytes.length - 8 - headerBytes);
  const tensors: Record<string, NamedTensor> = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [start, end] = data_offsets;
    const Type = TYPES[dtype as TypeName] as (typeof TYPES)[TypeName] | undefined;
    if (!Type)
      throw new FormatError(`${place}: ${name}`, `got type ${dtype}, expected ${Object.keys(TYPES).join(", ")}`);
    const expected = shape.reduce((a, b) => a * b, 1) * Type.BYTES_PER_ELEMENT;
    if (end - start !== expected || end > data.length) {
      throw new FormatError(
        `${place}: ${name}`,
        `got bytes ${start} to ${end} of ${data.length}, expected ${expected} of them`,
      );
    }
    tensors[name] = { shape, data: new Type(data.slice(start, end).buffer) };
  }
  return { tensors, metadata };
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
