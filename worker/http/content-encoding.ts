import { clipped } from "../../format/errors.ts";
import { BodyError } from "./errors.ts";
import type { Deadline } from "./promises.ts";
import { readParts } from "./read-parts.ts";

type Encoding = "gzip" | "deflate";

/** The encodings of a request's body that are taken, by their names in RFC 9110. */
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/** What a client is told that it may send: the value of `accept-encoding` with 415, RFC 9110. */
export const ACCEPTED_ENCODINGS = "gzip, deflate";

/**
 * Bytes that are decompressed at a time. The runtime decompresses all that it is given before any of it is read: with
 * 64 KiB at a time, 64 clients that each send half a megabyte of compressed zeros took a gigabyte.
 */
const COMPRESSED_BYTES = 256;

/** How many bytes DEFLATE makes of one at most: 258 of two bits. */
const MAX_RATIO = 1032;

/** Bytes of memory that decompressing a body takes beside what is read of it. */
export const DECOMPRESSION_BYTES = COMPRESSED_BYTES * MAX_RATIO;

/** Null where the body is as it is. Throws BodyError where the encoding is not known. */
export function contentEncoding(headers: Headers): Encoding | null {
  const name = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return null;
  const encoding = ENCODINGS.get(name);
  if (encoding) return encoding;
  throw new BodyError("encoding", `got content-encoding ${clipped(name, 200)}, expected ${ACCEPTED_ENCODINGS} or none`);
}

/**
 * Yields a body in parts of `size`, as `readParts` does, and decompressed. Throws BodyError where it breaks off or
 * cannot be decompressed: that is the client's fault, or its connection's.
 */
export async function* decodedBody(
  body: ReadableStream,
  encoding: Encoding | null,
  size: number,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  try {
    yield* readParts(encoding === null ? body : decompressed(body, encoding, deadline), size, deadline);
  } catch (error) {
    if (error instanceof BodyError) throw error;
    const what = encoding === null ? "" : `, or is not one member of ${encoding} and nothing else`;
    throw new BodyError("incomplete", `the body broke off${what}`, { cause: error });
  }
}

function decompressed(body: ReadableStream, encoding: Encoding, deadline: Deadline): ReadableStream {
  const { readable, writable } = new DecompressionStream(encoding);
  feed(body, writable.getWriter(), deadline).catch(() => {}); // whoever reads the other end sees the error
  return readable;
}

async function feed(body: ReadableStream, writer: WritableStreamDefaultWriter, deadline: Deadline): Promise<void> {
  try {
    for await (const part of readParts(body, 2 ** 14, deadline)) {
      for (let at = 0; at < part.length; at += COMPRESSED_BYTES)
        await writer.write(part.slice(at, at + COMPRESSED_BYTES));
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error);
  }
}
