import { type KvPair, type KvStore, MOST_READ, MOST_WRITTEN, ValuesTooLarge } from "../../deploy/kv/kv-store.ts";

/** A store that keeps what is written, and the keys and the bytes of each call. */
export class MemoryKv implements KvStore {
  readonly values = new Map<string, string>();
  readonly calls: { call: "texts" | "putTexts" | "putBytes" | "delete"; keys: string[]; bytes: number }[] = [];
  /** A value of more bytes is in no answer with others. */
  longestAnswer = Number.POSITIVE_INFINITY;
  /** Writes and deletions that succeed before one fails. */
  failAfter = Number.POSITIVE_INFINITY;
  /** Told of each call that changes something, before it does. */
  onChange: () => void | Promise<void> = () => {};

  async keys(prefix: string): Promise<Set<string>> {
    return new Set([...this.values.keys()].filter((key) => key.startsWith(prefix)));
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    if (keys.length > MOST_READ) throw new Error(`got ${keys.length} keys`);
    const bytes = keys.reduce((sum, key) => sum + (this.values.get(key)?.length ?? 0), 0);
    this.calls.push({ call: "texts", keys: [...keys], bytes });
    if (bytes > this.longestAnswer) throw new ValuesTooLarge();
    return new Map(keys.map((key) => [key, this.values.get(key) ?? null]));
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    const value = this.values.get(key);
    return value === undefined ? null : Buffer.from(value, "latin1");
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    const bytes = pairs.reduce((sum, { value }) => sum + value.length, 0);
    await this.#change(
      "putTexts",
      pairs.map(({ key }) => key),
      bytes,
    );
    for (const { key, value } of pairs) this.values.set(key, value);
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    await this.#change("putBytes", [key], value.length);
    this.values.set(key, Buffer.from(value).toString("latin1"));
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#change("delete", keys, 0);
    for (const key of keys) this.values.delete(key);
  }

  /** The keys of calls that changed something, in their order. */
  get changed(): string[] {
    return this.calls.flatMap(({ call, keys }) => (call === "texts" ? [] : keys));
  }

  async #change(call: "putTexts" | "putBytes" | "delete", keys: readonly string[], bytes: number): Promise<void> {
    await this.onChange();
    if (keys.length > MOST_WRITTEN) throw new Error(`got ${keys.length} keys`);
    if (--this.failAfter < 0) throw new Error("the connection broke off");
    this.calls.push({ call, keys: [...keys], bytes });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
