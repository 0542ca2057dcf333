import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KvPair, KvStore } from "../../deploy/kv/kv-store.ts";

/** A key-value store in a folder, a file for each key: it costs the publisher's memory nothing. */
export class FolderKv implements KvStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  async keys(prefix: string): Promise<Set<string>> {
    return new Set(
      readdirSync(this.#folder)
        .map(decodeURIComponent)
        .filter((key) => key.startsWith(prefix)),
    );
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    return new Map(keys.map((key) => [key, this.#read(key)?.toString() ?? null]));
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    return this.#read(key);
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    for (const { key, value } of pairs) writeFileSync(this.#path(key), value);
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    writeFileSync(this.#path(key), value);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) rmSync(this.#path(key), { force: true });
  }

  #read(key: string): Buffer | null {
    const path = this.#path(key);
    return existsSync(path) ? readFileSync(path) : null;
  }

  #path(key: string): string {
    return join(this.#folder, encodeURIComponent(key));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
