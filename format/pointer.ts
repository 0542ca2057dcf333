import * as v from "valibot";
import { modelName } from "./field-schemas.ts";
import { parseJson, parseWith } from "./parse.ts";
import { StatementSchema } from "./signed-pointer.ts";
import { defaultKey, earlierPointerKey, pointerKey, VersionSchema } from "./store.ts";
import { TimeSchema } from "./time.ts";

// The small values of a store (store.ts) that are rewritten when another version or model is to serve.

/** Milliseconds: the longest that a request may wait for rows. No client waits longer for a score. */
export const MAX_DEADLINE_MS = 60_000;

const PointerSchema = v.strictObject({
  version: VersionSchema,
  since: TimeSchema,
  deadline: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_DEADLINE_MS))),
  previous: v.nullable(VersionSchema),
  signed: v.exactOptional(StatementSchema),
  pinned: v.exactOptional(v.literal(true)),
});

/**
 * Which version of a model serves. `since`: when it was made the one, in milliseconds since the epoch; of two pointers
 * to a model, the one with the later `since` is the newer. `deadline`: milliseconds that requests to this model wait
 * for rows; without it, the Worker's setting holds. `previous`: the version that served before; null: none did.
 * `signed`: what a key says of it, which a signed model needs to go back to an earlier version. `pinned`: publications
 * leave the pointer as it is; servers make nothing of it.
 */
export type ModelPointer = v.InferOutput<typeof PointerSchema>;

/** The text of a model's pointer. */
export function writePointer(pointer: ModelPointer): string {
  return JSON.stringify(parseWith(PointerSchema, pointer, "pointer"));
}

/** Reads the text of the pointer of `model`. Throws FormatError that names its key where it is none. */
export function readPointer(text: string, model: string): ModelPointer {
  const key = pointerKey(model);
  return parseWith(PointerSchema, parseJson(text, key), key);
}

const DefaultSchema = v.strictObject({ model: modelName });

/** The text that names the default model. */
export function writeDefault(model: string): string {
  return JSON.stringify(parseWith(DefaultSchema, { model }, "default"));
}

/** Reads the name of the default model. Throws FormatError where the text names none. */
export function readDefault(text: string): string {
  return parseWith(DefaultSchema, parseJson(text, defaultKey()), defaultKey()).model;
}

/** A pointer of publishers before models had names in the store, and, without a name, of up to format 4 of the blob. */
const EarlierPointerSchema = v.strictObject({ model: modelName, version: VersionSchema });
const UnnamedPointerSchema = v.strictObject({ model: VersionSchema });

/** What an earlier publisher's pointer says. `model`, the name, is null where it has none. */
export interface EarlierPointer {
  model: string | null;
  version: string;
}

/** Reads the text of an earlier publisher's pointer. Throws FormatError where it is none. */
export function readEarlierPointer(text: string): EarlierPointer {
  const key = earlierPointerKey();
  const pointer = parseJson(text, key);
  if (typeof pointer === "object" && pointer !== null && "version" in pointer)
    return parseWith(EarlierPointerSchema, pointer, key);
  return { model: null, version: parseWith(UnnamedPointerSchema, pointer, key).model };
}
