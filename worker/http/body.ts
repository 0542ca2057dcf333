import type * as v from "valibot";
import { clipped, RequestError } from "../../format/errors.ts";
import { parseWith } from "../../format/parse.ts";
import * as limits from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import { contentEncoding, decodedBody } from "./content-encoding.ts";
import { BodyError } from "./errors.ts";
import { outlineJson } from "./json-outline.ts";
import { Deadline } from "./promises.ts";

/** Bytes that are read at a time. Most bodies are shorter. */
const PART_BYTES = 64 * 1024;

/** A body that was read, with its lists still to be parsed. */
export interface ReadBody<Body> {
  body: Body;
  /** Gives the memory of its lists back, which cannot be iterated any more. */
  release(): void;
}

/**
 * The body of a request that is JSON. The constructor throws BodyError where the headers say that it cannot be read:
 * it is of another type or encoding, or too long.
 */
export class RequestBody {
  readonly #request: Request;
  readonly #declaredBytes: number;

  constructor(request: Request) {
    const { headers } = request;
    const mediaType = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (mediaType !== "application/json") {
      const got = mediaType === undefined ? "none" : clipped(mediaType, 200);
      throw new BodyError("media-type", `got content-type ${got}, expected application/json`);
    }
    contentEncoding(headers);
    this.#request = request;
    this.#declaredBytes = Number(headers.get("content-length") ?? 0);
    if (this.#declaredBytes > limits.MAX_BODY_BYTES) throw tooLarge(`a body of ${this.#declaredBytes} bytes`);
  }

  /**
   * Reads it as JSON of the form that `schema` says, in which each of `lists` is a JsonList. `lease` takes the memory
   * for it, and for parsing its lists. A body beyond the limits is refused as soon as that is known, and is never held
   * whole. Throws BodyError where it is not JSON, too large or too slow, OverloadedError where there is no memory, and
   * RequestError where the JSON has another form.
   */
  async read<Schema extends v.GenericSchema>(
    lists: readonly string[],
    schema: Schema,
    lease: Lease,
  ): Promise<ReadBody<v.InferOutput<Schema>>> {
    const text = decode(await this.#readBytes(lease), lease);
    const outline = outlineJson(text, lists);
    const ofLists = lease.bytes + limits.JSON_BYTES_PER_CHARACTER * outline.longestPart;
    lease.resize(ofLists + limits.JSON_BYTES_PER_CHARACTER * outline.others);
    const json = outline.parse();
    return {
      body: RequestError.during(() => parseWith(schema, json, "body")),
      release() {
        for (const list of outline.lists) list.forget();
        lease.resize(lease.bytes - ofLists);
      },
    };
  }

  async #readBytes(lease: Lease): Promise<Uint8Array<ArrayBuffer>> {
    const part = this.#declaredBytes > 0 ? Math.min(this.#declaredBytes, PART_BYTES) : PART_BYTES;
    // Twice: the part that is read, and the bytes so far.
    lease.resize(2 * part);
    let bytes = new Uint8Array(new ArrayBuffer(part));
    let size = 0;
    using deadline = new Deadline(limits.BODY_TIMEOUT_MS, () => tooSlow(size));
    for await (const read of decodedBody(this.#request, part, deadline)) {
      const end = size + read.byteLength;
      if (end > limits.MAX_BODY_BYTES) throw tooLarge(`more than ${limits.MAX_BODY_BYTES} bytes`);
      if (end > bytes.length) {
        const room = Math.min(limits.MAX_BODY_BYTES, Math.max(end, 2 * bytes.length));
        // Both buffers are there while one is copied to the other.
        lease.resize(part + bytes.length + room);
        bytes = new Uint8Array(bytes.buffer.transfer(room));
        lease.resize(part + room);
      }
      bytes.set(read, size);
      size = end;
    }
    return bytes.subarray(0, size);
  }
}

function tooLarge(got: string): BodyError {
  return new BodyError("too-large", `got ${got}, expected at most ${limits.MAX_BODY_BYTES}`);
}

function tooSlow(size: number): BodyError {
  const seconds = limits.BODY_TIMEOUT_MS / 1000;
  return new BodyError("too-slow", `got ${size} bytes in ${seconds} s, expected the whole body by then`);
}

/** The text of a body, in whose place it is. */
function decode(bytes: Uint8Array<ArrayBuffer>, lease: Lease): string {
  const size = bytes.length;
  // A character of a text that is all ASCII takes a byte, else two.
  lease.resize(lease.bytes + 2 * size);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new BodyError("not-json", "the body is not JSON: it is not UTF-8");
  }
  bytes.buffer.transfer(0); // frees the bytes at once
  lease.resize(text.length === size ? size : 2 * size);
  return text;
}
