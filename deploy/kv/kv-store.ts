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
  /** Writes at most MOST_WRITTEN values, of BATCH_BYTES together. When it returns, all of them are stored. */
  putTexts(pairs: readonly KvPair[]): Promise<void>;
  putBytes(key: string, value: Uint8Array): Promise<void>;
}

/** Keys of one bulk read, which is what KV allows. */
export const MOST_READ = 100;
/** Keys of one bulk write. KV allows 10,000; fewer let the progress move, and are less to send again. */
export const MOST_WRITTEN = 1000;
/** Bytes of the values of one bulk read or write. KV gives at most 25 MB and takes 100 MB. */
export const BATCH_BYTES = 2 ** 23;

/** More bytes than one answer may have: damaged values may be longer than those that were written. */
export class ValuesTooLarge extends Error {
  override readonly name = "ValuesTooLarge";
}
