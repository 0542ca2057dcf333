// Who publishes while the models serve: forward, back, and with an end in the midst of it.
import type { KvPair, KvStore } from "../../deploy/kv/kv-store.ts";
import { Publication } from "../../deploy/publication.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import type { ReleaseOptions } from "../../deploy/release.ts";
import { blobKey, manifestKey, pageKey } from "../../format/store.ts";
import type { AttackModel } from "../attack/model.ts";
import type { StormyKv } from "./stormy-kv.ts";

export class Publisher {
  readonly #kv: StormyKv;
  readonly #registry: ModelRegistry;

  constructor(kv: StormyKv) {
    this.#kv = kv;
    this.#registry = new ModelRegistry(kv);
  }

  /** Publishes a version as `deepfm-edge publish` does, so that it serves. Returns how many values it had to write. */
  async publish(model: AttackModel, options: ReleaseOptions = {}): Promise<number> {
    const { uploaded, repaired } = await publication(this.#kv, model, options);
    return uploaded + repaired;
  }

  /** Lets the version before serve again, as `deepfm-edge rollback` does. */
  async rollback(name: string): Promise<void> {
    await this.#registry.rollback(name, null);
  }

  /** Publishes a version, and ends after `most` values are written. Returns how many were, which may be fewer. */
  async publishSome(model: AttackModel, most: number): Promise<number> {
    const store = new DyingStore(this.#kv, most);
    try {
      await publication(store, model, {});
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
    return store.written;
  }

  /** Deletes all that belongs to a version alone, which must not serve, nor be what others are patches of. */
  async forget({ version, pages }: AttackModel): Promise<void> {
    await this.#kv.delete([blobKey(version), manifestKey(version), ...pages.map(({ digest }) => pageKey(digest))]);
  }
}

function publication(store: KvStore, { name, version, blob, pages }: AttackModel, options: ReleaseOptions) {
  return new Publication(store, { repair: true }).run({ model: name, version, blob, pages }, options);
}

class Died extends Error {}

/** The store of a publisher that is killed once it has written so many values. */
class DyingStore implements KvStore {
  readonly #store: StormyKv;
  readonly #most: number;
  written = 0;

  constructor(store: StormyKv, most: number) {
    this.#store = store;
    this.#most = most;
  }

  keys(prefix: string): Promise<Set<string>> {
    return this.#store.keys(prefix);
  }

  texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    return this.#store.texts(keys);
  }

  bytes(key: string): Promise<Uint8Array | null> {
    return this.#store.bytes(key);
  }

  /** The first values of a batch are written where it ends in the midst of it. */
  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    const first = pairs.slice(0, this.#most - this.written);
    await this.#store.putTexts(first);
    this.written += first.length;
    if (first.length < pairs.length) throw new Died();
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    if (this.written >= this.#most) throw new Died();
    await this.#store.putBytes(key, value);
    this.written++;
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#store.delete(keys);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
