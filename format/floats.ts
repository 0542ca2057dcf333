import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./errors.ts";

// Numbers of a line of the log: float32, little-endian, as base64. A number takes 5.3 characters, and its exact bits
// come back; as a decimal number it would take up to 20. Machines that run WebAssembly are little-endian.

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** The text of numbers, each of which is rounded to float32. */
export function writeFloats(numbers: ArrayLike<number>): string {
  // `Float32Array.from` would ask an iterator for each number.
  const { buffer, byteOffset, byteLength } = numbers instanceof Float32Array ? numbers : new Float32Array(numbers);
  return toBase64(new Uint8Array(buffer, byteOffset, byteLength));
}

/** The numbers of a text. Throws FormatError, with `source` for its place, where it is no base64 of whole numbers. */
export function readFloats(text: string, source: string): Float32Array {
  const bytes = bytesOf(text, source);
  if (bytes.length % BYTES !== 0)
    throw new FormatError(source, `got ${bytes.length} bytes, expected ${BYTES} for each number`);
  return new Float32Array(bytes.buffer);
}

function bytesOf(text: string, source: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(text);
  } catch {
    throw new FormatError(source, `got ${text.length} characters that are no base64, expected float32 numbers`);
  }
}
