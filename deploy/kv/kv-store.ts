// The key-value store that a model is published into. Workers KV in an account is one, and the one of this machine,
// which `wrangler dev` serves from, another.

export interface KvPair {
  key: string;
  value: string;
}

export interface KvStore extends AsyncDisposable {
  /** The keys that begin with a prefix. */
  keys(prefix: string): Promise<Set<string>>;
  /**
   * The values of at most MOST_READ keys, as text; null where there is none. Throws ValuesTooLarge where they are more
   * than the store gives in one answer.
   */
  texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>>;
  /** A value's bytes; null where there is none. */
  bytes(key: string): Promise<Uint8Array | null>;
  /** Throws UserError where a store has no place for values under some of these keys. */
  checkKeys?(keys: readonly string[]): void;
  /** Writes at most MOST_WRITTEN values, of BATCH_BYTES together. When it returns, all of them are stored. */
  putTexts(pairs: readonly KvPair[]): Promise<void>;
  putBytes(key: string, value: Uint8Array): Promise<void>;
  /** Deletes at most MOST_WRITTEN keys, of which some may not be there. When it returns, none of them is. */
  delete(keys: readonly string[]): Promise<void>;
  /** What is wrong with a version's pages where the store also has them as one value; by their digests, in order. */
  packedFaults?(version: string, pageDigests: Uint8Array): Promise<string[]>;
}

/** Keys of one bulk read, which is what KV allows. */
export const MOST_READ = 100;
/** Keys of one bulk write. KV allows 10,000; fewer let the progress move, and are less to send again. */
export const MOST_WRITTEN = 1000;
/** Bytes of the values of one bulk read or write. KV gives at most 25 MB and takes 100 MB; fewer are less memory. */
export const BATCH_BYTES = 2 ** 23;

/** The text under one key; null where there is none. */
export async function textOf(store: KvStore, key: string): Promise<string | null> {
  return (await store.texts([key])).get(key) ?? null;
}

/**
 * The texts of keys, however many they are and however long: where they are too long for one answer, several have
 * them. Null where there is none, and "" in place of one that is too long for any answer: no value of ours is.
 */
export async function textsOf(store: KvStore, keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
  if (keys.length > MOST_READ)
    return new Map([
      ...(await textsOf(store, keys.slice(0, MOST_READ))),
      ...(await textsOf(store, keys.slice(MOST_READ))),
    ]);
  if (keys.length === 0) return new Map();
  try {
    return await store.texts(keys);
  } catch (error) {
    if (!(error instanceof ValuesTooLarge)) throw error;
    if (keys.length === 1) return new Map([[String(keys[0]), ""]]);
    const half = keys.length >> 1;
    return new Map([...(await textsOf(store, keys.slice(0, half))), ...(await textsOf(store, keys.slice(half)))]);
  }
}

/** Deletes any number of keys. */
export async function deleteAll(store: KvStore, keys: readonly string[]): Promise<void> {
  for (let i = 0; i < keys.length; i += MOST_WRITTEN) await store.delete(keys.slice(i, i + MOST_WRITTEN));
}

/** More bytes than one answer may have: damaged values may be longer than those that were written. */
export class ValuesTooLarge extends Error {
  override readonly name = "ValuesTooLarge";
}
