import { FormatError } from "../../format/errors.ts";
import { MAX_HISTORY_BYTES, readHistory } from "../../format/history.ts";
import { type ModelPointer, readDefault, readEarlierPointer, readPointer } from "../../format/pointer.ts";
import type { Statement } from "../../format/signed-pointer.ts";
import { defaultKey, earlierPointerKey, historyKey, pointerKey } from "../../format/store.ts";
import { ModelUnavailableError, UnknownModelError } from "../http/errors.ts";
import type { Deadline } from "../http/promises.ts";
import { readParts } from "../http/read-parts.ts";
import { MAX_POINTER_BYTES } from "../limits.ts";
import type { Source } from "../source/source.ts";
import { type ModelReference, referenceText } from "./model-reference.ts";

/** What the store says a request is to be served with. */
export interface Published {
  /** The key that says it, for errors. */
  key: string;
  /** The model's name; null where an earlier publisher gave it none, so that the blob alone has one. */
  model: string | null;
  /** Whether the blob must have the name, as earlier publishers' pointers promise. */
  isBlobsName: boolean;
  version: string;
  /** Null of an earlier publisher's pointer, and of a version that a request itself names. */
  since: number | null;
  /** What a key says of the pointer; null: nothing. */
  signed: Statement | null;
  /** Whether a request names the version itself, and so vouches for it. */
  isPinned: boolean;
  deadlineMs: number | null;
}

/** Reads what the store says, within a deadline. `serves`: whether it has led to something before. */
export type ReadPublished = (source: Source, deadline: Deadline, serves: boolean) => Promise<Published>;

/** What serves requests that name no model. Throws ModelUnavailableError where nothing is published. */
export async function readDefaultModel(source: Source, deadline: Deadline): Promise<Published> {
  const text = await readText(source, defaultKey(), MAX_POINTER_BYTES, deadline);
  if (text === null) {
    const earlier = await readEarlier(source, deadline);
    if (earlier === null) throw new ModelUnavailableError("no model is published");
    return earlier;
  }
  const model = readDefault(text);
  const pointer = await readPointerOf(source, model, deadline);
  if (pointer === null) throw new FormatError(defaultKey(), `got ${model}, which has no ${pointerKey(model)}`);
  return published(model, pointer);
}

/**
 * What a model's name, or one version of it, leads to. A version that serves is not looked up in the history again.
 * Throws UnknownModelError where there is none.
 */
export async function readNamedModel(
  source: Source,
  reference: ModelReference,
  deadline: Deadline,
  serves: boolean,
): Promise<Published> {
  const { model, version } = reference;
  const pointer = await readPointerOf(source, model, deadline);
  if (pointer && (version === null || version === pointer.version)) {
    const found = published(model, pointer);
    return version === null ? found : { ...found, since: null, isPinned: true };
  }
  if (version !== null && (serves || (await historyHas(source, model, version, deadline))))
    return {
      ...{ key: historyKey(model), model, isBlobsName: false, version, since: null, signed: null, isPinned: true },
      deadlineMs: pointer?.deadline ?? null,
    };
  if (pointer === null) {
    const earlier = await readEarlier(source, deadline);
    if (earlier?.model === model && (version === null || version === earlier.version)) return earlier;
  }
  const expected = pointer ? `a version that was published of ${model}` : "the name of a published model";
  throw new UnknownModelError(`model: got ${referenceText(reference)}, expected ${expected}`);
}

function published(model: string, { version, since, deadline, signed }: ModelPointer): Published {
  return {
    ...{ key: pointerKey(model), model, isBlobsName: false, version, since, signed: signed ?? null, isPinned: false },
    deadlineMs: deadline ?? null,
  };
}

async function readPointerOf(source: Source, model: string, deadline: Deadline): Promise<ModelPointer | null> {
  const text = await readText(source, pointerKey(model), MAX_POINTER_BYTES, deadline);
  return text === null ? null : readPointer(text, model);
}

/** The pointer of earlier publishers, which counts as long as the store has no default. */
async function readEarlier(source: Source, deadline: Deadline): Promise<Published | null> {
  const text = await readText(source, earlierPointerKey(), MAX_POINTER_BYTES, deadline);
  if (text === null) return null;
  const { model, version } = readEarlierPointer(text);
  return {
    ...{ key: earlierPointerKey(), model, isBlobsName: true, version, since: null, signed: null, isPinned: false },
    deadlineMs: null,
  };
}

async function historyHas(source: Source, model: string, version: string, deadline: Deadline): Promise<boolean> {
  const text = await readText(source, historyKey(model), MAX_HISTORY_BYTES, deadline);
  return text !== null && readHistory(text, model).some((publication) => publication.version === version);
}

/** The text under a key, or null where there is none. Throws FormatError where it is longer than `maxBytes`. */
async function readText(source: Source, key: string, maxBytes: number, deadline: Deadline): Promise<string | null> {
  const stream = await deadline.race(source.stream(key));
  if (stream === null) return null;
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of readParts(stream, Math.min(maxBytes, PART_BYTES), deadline)) {
    text += decoder.decode(part, { stream: true });
    if (text.length > maxBytes)
      throw new FormatError(key, `got more than ${maxBytes} bytes, expected at most that many`);
  }
  return text + decoder.decode();
}

/** Bytes of a part: a pointer is one, a history a few. */
const PART_BYTES = 16 * 1024;
