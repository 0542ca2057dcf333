import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./errors.ts";

// Numbers of a line of the log: float32, little-endian, as base64. A number takes 5.3 characters, and its exact bits
// come back; as a decimal number it would take up to 20.

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** The text of numbers, each of which is rounded to float32. */
export function writeFloats(numbers: ArrayLike<number>): string {
  const bytes = new Uint8Array(BYTES * numbers.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < numbers.length; i++) view.setFloat32(BYTES * i, numbers[i] as number, true);
  return toBase64(bytes);
}

/** The numbers of a text. Throws FormatError, with `source` for its place, where it is no base64 of whole numbers. */
export function readFloats(text: string, source: string): Float32Array {
  const bytes = bytesOf(text, source);
  if (bytes.length % BYTES !== 0)
    throw new FormatError(source, `got ${bytes.length} bytes, expected ${BYTES} for each number`);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / BYTES }, (_, i) => view.getFloat32(BYTES * i, true));
}

function bytesOf(text: string, source: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(text);
  } catch {
    throw new FormatError(source, `got ${text.length} characters that are no base64, expected float32 numbers`);
  }
}
