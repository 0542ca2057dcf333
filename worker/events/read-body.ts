import { clipped } from "../../format/errors.ts";
import { contentEncoding, decodedBody } from "../http/content-encoding.ts";
import { DECOMPRESSION_BYTES } from "../http/decompress.ts";
import { BodyError } from "../http/errors.ts";
import { outlineJson } from "../http/json-outline.ts";
import { Deadline } from "../http/promises.ts";
import { BODY_LEASE_MS, BODY_TIMEOUT_MS, JSON_MEMORY_FACTOR } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import { MAX_EVENT_BODY_BYTES } from "./limits.ts";

/** `text/plain` is what `navigator.sendBeacon` sends of a text, and asks no browser for a preflight. */
const MEDIA_TYPES: readonly string[] = ["application/json", "text/plain"];

/**
 * The JSON of a short body. `lease` takes the memory for it. Throws BodyError where it is of another type, too long,
 * too slow or no JSON, RequestError where a member stands twice, and OverloadedError where there is no memory.
 */
export async function readShortJson({ headers, body }: Request, lease: Lease): Promise<unknown> {
  const mediaType = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() || "none";
  if (!MEDIA_TYPES.includes(mediaType))
    throw new BodyError(
      "media-type",
      `got content-type ${clipped(mediaType, 200)}, expected ${MEDIA_TYPES.join(" or ")}`,
    );
  const encoding = contentEncoding(headers);
  lease.lasts(BODY_LEASE_MS);
  lease.resize(MAX_EVENT_BODY_BYTES + (encoding === null ? 0 : DECOMPRESSION_BYTES));
  const bytes = new Uint8Array(MAX_EVENT_BODY_BYTES);
  let size = 0;
  const seconds = BODY_TIMEOUT_MS / 1000;
  const late = () =>
    new BodyError("too-slow", `got at least ${size} bytes in ${seconds} s, expected the whole body by then`);
  using deadline = new Deadline(BODY_TIMEOUT_MS, late);
  if (body)
    for await (const part of decodedBody(body, encoding, MAX_EVENT_BODY_BYTES, deadline)) {
      if (size + part.length > bytes.length)
        throw new BodyError("too-large", `got more than ${bytes.length} bytes, expected at most ${bytes.length}`);
      bytes.set(part, size);
      size += part.length;
    }
  lease.refuseEnded();
  lease.resize(MAX_EVENT_BODY_BYTES + JSON_MEMORY_FACTOR * size);
  return outlineJson(bytes.subarray(0, size), []).parse();
}
