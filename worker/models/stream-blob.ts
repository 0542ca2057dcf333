import { MAX_BLOB_BYTES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { type PlacedBlob, reserveBlob, statedLength } from "../../runtime/placed-blob.ts";
import type { Deadline } from "../http/promises.ts";
import { readParts } from "../http/read-parts.ts";

/** Bytes of a part: few enough for a processor's cache, and so many that 100 reads bring the largest blob. */
const PART_BYTES = 256 * 1024;

/**
 * Reads a blob straight into the memory of a kernel of its own. A buffer for the whole blob in between would cost as
 * much time again, most of it the system's for fresh memory, and as much of the isolate's memory. `reserve` is told the
 * blob's bytes before memory is taken for them, and may throw. Throws FormatError where the blob is not as long as its
 * header says, and what `deadline` throws when its time is over.
 */
export async function streamBlob(
  module: WebAssembly.Module,
  stream: ReadableStream,
  deadline: Deadline,
  reserve: (bytes: number) => void = () => {},
): Promise<PlacedBlob> {
  const place = (start: Uint8Array): PlacedBlob => {
    const length = statedLength(start);
    if (length <= MAX_BLOB_BYTES) reserve(length);
    return reserveBlob(module, length);
  };
  let placed: PlacedBlob | null = null;
  let read = 0;
  for await (const part of readParts(stream, PART_BYTES, deadline)) {
    placed ??= place(part);
    const end = read + part.length;
    if (end > placed.bytes.length) throw lengthError(`at least ${end}`, placed);
    placed.bytes.set(part, read);
    read = end;
  }
  placed ??= place(new Uint8Array(0));
  if (read < placed.bytes.length) throw lengthError(String(read), placed);
  return placed;
}

function lengthError(got: string, { bytes }: PlacedBlob): FormatError {
  return new FormatError("blob", `got ${got} bytes, expected ${bytes.length} as its header says`);
}
