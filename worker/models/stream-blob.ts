import { BLOB_HEADER_BYTES, MAX_BLOB_BYTES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { isPatch } from "../../format/patch.ts";
import { type PlacedBlob, reserveBlob, statedLength } from "../../runtime/placed-blob.ts";
import type { Deadline } from "../http/promises.ts";
import { readParts } from "../http/read-parts.ts";
import { streamPatch } from "./stream-patch.ts";

/** Bytes that are read at a time: few enough for a processor's cache, and so many that 160 reads bring any blob. */
const READ_BYTES = 256 * 1024;

/** How a blob lies in its source. */
export interface BlobParts {
  /** Bytes of each part but the last. */
  bytes: number;
  /** Opens the parts behind the first one of a blob of so many bytes, in their order; null: it is missing. */
  rest(length: number): Promise<ReadableStream | null>[];
  /** Opens all parts of the blob of another version, of so many bytes, in their order; null: it is missing. */
  base(version: string, length: number): Promise<ReadableStream | null>[];
}

/** A blob that is one value. */
const ONE_PART: BlobParts = { bytes: Number.POSITIVE_INFINITY, rest: () => [], base: () => [Promise.resolve(null)] };

/**
 * Reads a blob straight into the memory of a kernel of its own. A buffer for the whole blob in between would cost as
 * much time again, most of it the system's for fresh memory, and as much of the isolate's memory. The first part's
 * header says how long the blob is, and so which other parts there are; these are read side by side with it. Where the
 * stream is a patch, the blob is made of it and of its base. `reserve` is told the blob's bytes before memory is taken
 * for them, and may throw. Throws FormatError where the blob is not as long as its header says, or a patch makes none,
 * and what `deadline` throws when its time is over.
 */
export async function streamBlob(
  module: WebAssembly.Module,
  stream: ReadableStream,
  deadline: Deadline,
  reserve: (bytes: number) => void = () => {},
  parts: BlobParts = ONE_PART,
): Promise<PlacedBlob> {
  const makeRoom = (length: number): PlacedBlob => {
    if (length <= MAX_BLOB_BYTES) reserve(length);
    return reserveBlob(module, length);
  };
  let placed: PlacedBlob | null = null;
  let others: Promise<void>[] = [];
  let read = 0;
  const bytesOf = (one: ReadableStream): AsyncGenerator<Uint8Array> => readParts(one, READ_BYTES, deadline);
  const chunks = withHeader(bytesOf(stream));
  for await (const part of chunks) {
    if (placed === null) {
      if (isPatch(part)) return await streamPatch(part, chunks, { makeRoom, open: parts.base, bytesOf, deadline });
      placed = makeRoom(statedLength(part));
      const { bytes } = placed;
      others = parts.rest(bytes.length).map(async (opening, i) => {
        const from = (i + 1) * parts.bytes;
        await readPart(bytes.subarray(from, from + parts.bytes), opening, i + 1, deadline);
      });
      // Where the first part fails before, nobody waits for them.
      for (const other of others) other.catch(() => {});
    }
    const end = read + part.length;
    const most = Math.min(placed.bytes.length, parts.bytes);
    if (end > most) throw lengthError(`at least ${end}`, most, placed);
    placed.bytes.set(part, read);
    read = end;
  }
  placed ??= makeRoom(statedLength(new Uint8Array(0)));
  const expected = Math.min(placed.bytes.length, parts.bytes);
  if (read < expected) throw lengthError(String(read), expected, placed);
  await Promise.all(others);
  return placed;
}

/** The parts of a stream, the first of which has the whole header: a stream that a program made may have short ones. */
async function* withHeader(parts: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | null = new Uint8Array(0);
  for await (const part of parts) {
    if (start !== null) {
      start = start.length === 0 && part.length >= BLOB_HEADER_BYTES ? part : joined(start, part);
      if (start.length < BLOB_HEADER_BYTES) continue;
    }
    yield start ?? part;
    start = null;
  }
  if (start !== null) yield start;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Reads the part with that number into its place. */
async function readPart(
  place: Uint8Array,
  opening: Promise<ReadableStream | null>,
  number: number,
  deadline: Deadline,
): Promise<void> {
  const stream = await deadline.race(opening);
  if (stream === null) throw new FormatError("blob", `got no part ${number}, expected ${place.length} bytes`);
  let read = 0;
  for await (const bytes of readParts(stream, READ_BYTES, deadline)) {
    if (read + bytes.length > place.length) throw partError(`at least ${read + bytes.length}`, number, place);
    place.set(bytes, read);
    read += bytes.length;
  }
  if (read < place.length) throw partError(String(read), number, place);
}

function partError(got: string, number: number, { length }: Uint8Array): FormatError {
  return new FormatError("blob", `got ${got} bytes as part ${number}, expected ${length}`);
}

/** `expected`: the bytes of the first part, which is all of most blobs. */
function lengthError(got: string, expected: number, { bytes }: PlacedBlob): FormatError {
  const whose = expected < bytes.length ? `in the first part of ${bytes.length}` : "as its header says";
  return new FormatError("blob", `got ${got} bytes, expected ${expected} ${whose}`);
}
