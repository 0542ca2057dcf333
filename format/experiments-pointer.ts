import * as v from "valibot";
import { FormatError } from "./errors.ts";
import { EXPERIMENTS_VERSION, ExperimentsVersionSchema, MAX_PAYLOAD_BYTES } from "./experiment.ts";
import { sha256, toHex } from "./hash.ts";
import { parseJson, parseWith } from "./parse.ts";
import { VersionSchema } from "./store.ts";
import { TimeSchema } from "./time.ts";

// What stands under the key `experiments` of a store: either a pointer to a payload, as the command line writes it, or
// the payload itself, as the webhook of a GrowthBook console does.

const PointerSchema = v.strictObject({
  version: ExperimentsVersionSchema,
  payload: VersionSchema,
  since: TimeSchema,
});

/** `payload`: the SHA-256 of its bytes, 64 hex digits, under which it is stored. `since`: when it was written. */
export type ExperimentsPointer = v.InferOutput<typeof PointerSchema>;

/** The key of the pointer. */
export function experimentsKey(): string {
  return "experiments";
}

/**
 * The key of a payload; `hash`: the SHA-256 of its bytes, 64 lower-case hex digits. It does not begin with that of the
 * pointer: a store may be a folder, where a file is no folder.
 */
export function payloadKey(hash: string): string {
  return `payload/${hash}`;
}

/** The text of a pointer. */
export function writeExperimentsPointer(pointer: Omit<ExperimentsPointer, "version">): string {
  return JSON.stringify({ version: EXPERIMENTS_VERSION, ...pointer });
}

/** Reads what stands under the key: a pointer, or null where it is a payload itself. Throws FormatError. */
export function readExperimentsPointer(text: string): ExperimentsPointer | null {
  const key = experimentsKey();
  if (text.length > MAX_PAYLOAD_BYTES)
    throw new FormatError(key, `got ${text.length} characters, expected at most ${MAX_PAYLOAD_BYTES} bytes`);
  const input = parseJson(text, key);
  const isPayload =
    typeof input === "object" && input !== null && ("features" in input || "encryptedFeatures" in input);
  return isPayload ? null : parseWith(PointerSchema, input, key);
}

/** Throws FormatError where bytes are not those that a pointer names. */
export async function checkPayloadHash(bytes: Uint8Array, { payload }: ExperimentsPointer): Promise<void> {
  const found = toHex(await sha256(bytes));
  if (found !== payload)
    throw new FormatError(payloadKey(payload), `got bytes with the SHA-256 ${found}, expected ${payload}`);
}
