import { FormatError } from "../format/errors.ts";
import { type Payload, readPayload } from "../format/experiment.ts";
import { checkPayloadHash, experimentsKey, payloadKey, readExperimentsPointer } from "../format/experiments-pointer.ts";
import { UserError } from "../trainer/errors.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";

/**
 * The versions that arms name: of experiments that run, and of those that ran, since a payload does not say for how
 * long their log is replayed. Throws UserError where that cannot be known.
 */
export async function versionsOfExperiments(store: KvStore): Promise<Set<string>> {
  const payload = await storedPayload(store).catch(unknown);
  const references = [...(payload?.arms.values() ?? [])].flatMap(({ arm: { model, policy, shadow } }) => [
    model,
    policy.policy === "team-draft" ? policy.rival : null,
    shadow?.model ?? null,
  ]);
  return new Set(references.flatMap((reference) => reference?.split("@")[1] ?? []));
}

/** What the store has, whoever has written it; null: nothing. */
async function storedPayload(store: KvStore): Promise<Payload | null> {
  const key = experimentsKey();
  const text = await textOf(store, key);
  if (text === null) return null;
  const pointer = readExperimentsPointer(text);
  if (pointer === null) return readPayload(new TextEncoder().encode(text), key);
  const bytes = await store.bytes(payloadKey(pointer.payload));
  if (bytes === null) throw new FormatError(payloadKey(pointer.payload), "got nothing, expected the pointer's payload");
  await checkPayloadHash(bytes, pointer);
  return readPayload(bytes, payloadKey(pointer.payload));
}

function unknown(error: unknown): never {
  if (!(error instanceof FormatError)) throw error;
  throw new UserError(`${error.message}; which versions experiments need is not known, so that nothing is removed`);
}
