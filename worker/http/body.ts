import type * as v from "valibot";
import { FormatError, RequestError } from "../../format/errors.ts";
import { parseJson, parseWith } from "../../format/parse.ts";
import { MAX_BODY_BRACKETS, MAX_BODY_BYTES } from "../limits.ts";
import { BodyError } from "./errors.ts";
import { readParts } from "./read-parts.ts";

/** Bytes that are read at a time. Most bodies are shorter. */
const PART_BYTES = 64 * 1024;

/**
 * Reads a request's body as JSON of the form that `schema` says. A body beyond the limits is refused as soon as that is
 * known, from its declared length or while it arrives, and is never held whole. Throws BodyError where the body is not
 * JSON or too large, and RequestError where the JSON has another form.
 */
export async function readBody<Schema extends v.GenericSchema>(
  request: Request,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const body = await readJson(request);
  return RequestError.during(() => parseWith(schema, body, "body"));
}

async function readJson(request: Request): Promise<unknown> {
  const mediaType = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new BodyError("media-type", `got content-type ${mediaType ?? "none"}, expected application/json`);
  }
  const text = await readText(request);
  try {
    return parseJson(text, "body");
  } catch (error) {
    if (error instanceof FormatError) throw new BodyError("not-json", `the body is ${error.problem}`);
    throw error;
  }
}

async function readText(request: Request): Promise<string> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > MAX_BODY_BYTES) {
    throw new BodyError("too-large", `got a body of ${declared} bytes, expected at most ${MAX_BODY_BYTES}`);
  }
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let size = 0;
  let brackets = 0;
  let text = "";
  const part = declared > 0 ? Math.min(declared, PART_BYTES) : PART_BYTES;
  for await (const bytes of request.body ? readParts(request.body, part) : []) {
    size += bytes.byteLength;
    if (size > MAX_BODY_BYTES) {
      throw new BodyError("too-large", `got more than ${MAX_BODY_BYTES} bytes, expected at most that many`);
    }
    brackets += countBrackets(bytes);
    if (brackets > MAX_BODY_BRACKETS) {
      throw new BodyError(
        "too-large",
        `got more than ${MAX_BODY_BRACKETS} objects and lists, expected at most that many`,
      );
    }
    text += decode(decoder, bytes);
  }
  return text + decode(decoder);
}

/** Counts opening brackets, also those within strings, where so many are no less unusual. */
function countBrackets(part: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < part.length; i++) {
    const byte = part[i];
    if (byte === 0x7b || byte === 0x5b) count++;
  }
  return count;
}

function decode(decoder: TextDecoder, part?: Uint8Array): string {
  try {
    return part ? decoder.decode(part, { stream: true }) : decoder.decode();
  } catch {
    throw new BodyError("not-json", "the body is not JSON: it is not UTF-8");
  }
}
