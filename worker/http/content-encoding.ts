import { clipped } from "../../format/errors.ts";
import { BodyError } from "./errors.ts";
import type { Deadline } from "./promises.ts";
import { readParts } from "./read-parts.ts";

type Encoding = "gzip" | "deflate";

/** The encodings of a request's body that are taken, by their names in RFC 9110. */
const FORMATS: ReadonlyMap<string, Encoding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/** What a client is told that it may send: the value of `accept-encoding` with 415, RFC 9110. */
export const ACCEPTED_ENCODINGS = "gzip, deflate";

/**
 * Yields a request's body in parts of `size`, as `readParts` does, and decompressed. No more is decompressed than is
 * asked for. Throws BodyError where the encoding is not known, and where the body breaks off or cannot be decompressed:
 * that is the client's fault, or its connection's.
 */
export async function* decodedBody(request: Request, size: number, deadline: Deadline): AsyncGenerator<Uint8Array> {
  const { body } = request;
  if (!body) return;
  const encoding = contentEncoding(request.headers);
  const stream = encoding === null ? body : body.pipeThrough(new DecompressionStream(encoding));
  try {
    yield* readParts(stream, size, deadline);
  } catch (error) {
    if (error instanceof BodyError) throw error;
    const problem =
      encoding === null ? "the body broke off" : `the body broke off, or is not one member of ${encoding}`;
    throw new BodyError("incomplete", problem, { cause: error });
  }
}

/** Null where the body is as it is. Throws BodyError where the encoding is not known. */
export function contentEncoding(headers: Headers): Encoding | null {
  const name = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return null;
  const format = FORMATS.get(name);
  if (format === undefined)
    throw new BodyError(
      "encoding",
      `got content-encoding ${clipped(name, 200)}, expected one of ${ACCEPTED_ENCODINGS}`,
    );
  return format;
}
