import { clipped } from "../../format/errors.ts";
import { decompressedParts, type Encoding } from "./decompress.ts";
import { BodyError } from "./errors.ts";
import type { Deadline } from "./promises.ts";
import { readParts } from "./read-parts.ts";

/** The encodings of a request's body that are taken, by their names in RFC 9110. */
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/** What a client is told that it may send: the value of `accept-encoding` with 415, RFC 9110. */
export const ACCEPTED_ENCODINGS = "gzip, deflate";

/** Null where the body is as it is. Throws BodyError where the encoding is not known. */
export function contentEncoding(headers: Headers): Encoding | null {
  const name = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return null;
  const encoding = ENCODINGS.get(name);
  if (encoding) return encoding;
  throw new BodyError("encoding", `got content-encoding ${clipped(name, 200)}, expected ${ACCEPTED_ENCODINGS} or none`);
}

/**
 * Yields a body in parts of at most `size` bytes, as `readParts` does, and decompressed. Throws BodyError where it
 * breaks off or cannot be decompressed: that is the client's fault, or its connection's.
 */
export async function* decodedBody(
  body: ReadableStream,
  encoding: Encoding | null,
  size: number,
  deadline: Deadline,
): AsyncGenerator<Uint8Array> {
  try {
    if (encoding === null) yield* readParts(body, size, deadline);
    else yield* decompressedParts(body, encoding, size, deadline);
  } catch (error) {
    throw brokenOff(error, encoding);
  }
}

/** The error for one with which reading a body ended. */
export function brokenOff(error: unknown, encoding: Encoding | null): BodyError {
  if (error instanceof BodyError) return error;
  const what = encoding === null ? "" : `, or is not one member of ${encoding} and nothing else`;
  return new BodyError("incomplete", `the body broke off${what}`, { cause: error });
}
