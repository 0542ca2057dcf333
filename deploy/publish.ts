import { blobKey, pageKey, pointerKey, writePointer } from "../format/store.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import type { StoredModel } from "../trainer/export/stored-model.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { findAccountNamespace } from "./kv/account.ts";
import { AccountKv } from "./kv/account-kv.ts";
import { BATCH_BYTES, type KvPair, type KvStore, MOST_READ, MOST_WRITTEN, ValuesTooLarge } from "./kv/kv-store.ts";
import { openLocalKv } from "./kv/local-kv.ts";
import { WRANGLER_CONFIG } from "./wrangler.ts";

/**
 * The account's KV namespace, or the local one of `wrangler dev`, in the folder `persistTo` or else beside the
 * configuration. `config`: wrangler's configuration that binds the namespace as MODELS; this project's if it is absent.
 * `environment`: the one of the configuration's environments that binds it.
 */
export type PublishTarget = { config?: string; environment?: string } & (
  | { remote: true }
  | { remote: false; persistTo?: string }
);

export interface PublishOptions {
  /** Whether what is there already is read back, and written again where it is damaged. Default: true. */
  verify?: boolean;
}

/** Numbers of blobs and pages. */
export interface Published {
  /** Written for the first time. */
  uploaded: number;
  /** There already, and left as they were. */
  present: number;
  /** There already, but damaged, and written again. */
  repaired: number;
}

/**
 * Publishes a model: uploads its blob and those of its pages that are not there yet or are damaged, in batches, and
 * then, when all of them are stored, writes the pointer. A publication that fails on the way leaves the model before it
 * serving, and the next one goes on where it stopped. Throws UserError where the store cannot be written.
 */
export async function publish(
  model: StoredModel | ExportedModel,
  target: PublishTarget,
  { verify = true }: PublishOptions = {},
): Promise<Published> {
  using task = startTask("publish", model.pages.length + 2, "keys");
  await using store = await openStore(target, (why, seconds) => task.advance(0, `${why}; again in ${seconds} s`));
  const published = await new Publication(store, verify, (keys) => task.advance(keys, "")).run(model);
  const { present, repaired } = published;
  task.done(`${present} already there${repaired > 0 ? `, ${repaired} were damaged and are written again` : ""}`);
  return published;
}

async function openStore(target: PublishTarget, onRetry: (why: string, seconds: number) => void): Promise<KvStore> {
  const config = target.config ?? WRANGLER_CONFIG;
  if (!target.remote) return openLocalKv(config, target.persistTo, target.environment);
  const namespace = await findAccountNamespace(config, target.environment);
  namespace.api.onRetry = onRetry;
  return new AccountKv(namespace);
}

/** One model's way into a store. */
export class Publication {
  readonly #store: KvStore;
  readonly #verify: boolean;
  readonly #advance: (keys: number) => void;
  readonly #published: Published = { uploaded: 0, present: 0, repaired: 0 };
  /** Pairs that are to be written, and the length of their values. */
  #waiting: KvPair[] = [];
  #waitingBytes = 0;

  constructor(store: KvStore, verify: boolean, advance: (keys: number) => void) {
    this.#store = store;
    this.#verify = verify;
    this.#advance = advance;
  }

  async run({ model, version, blob, pages }: StoredModel | ExportedModel): Promise<Published> {
    // 1. Pages, as text: a bulk read gives nothing else.
    const stored = await this.#store.keys(pageKey(new Uint8Array(0)));
    let batch: KvPair[] = [];
    let bytes = 0;
    for (const page of pages) {
      const value = Buffer.from("bytes" in page ? page.bytes : await page.read()).toString("base64");
      if (batch.length === MOST_READ || bytes + value.length > BATCH_BYTES) {
        await this.#addPages(batch, stored);
        [batch, bytes] = [[], 0];
      }
      batch.push({ key: pageKey(page.digest), value });
      bytes += value.length;
    }
    await this.#addPages(batch, stored);
    await this.#write();

    // 2. The blob.
    await this.#addBlob(blobKey(version), blob);

    // 3. The pointer, when all that it leads to is there.
    await this.#store.putTexts([{ key: pointerKey(), value: writePointer({ model, version }) }]);
    this.#advance(1);
    return this.#published;
  }

  async #addPages(batch: readonly KvPair[], stored: ReadonlySet<string>): Promise<void> {
    const there = batch.filter(({ key }) => stored.has(key)).map(({ key }) => key);
    const values = this.#verify && there.length > 0 ? await readAll(this.#store, there) : null;
    for (const pair of batch) {
      const isThere = stored.has(pair.key);
      if (isThere && (values === null || values.get(pair.key) === pair.value)) {
        this.#count("present");
        continue;
      }
      if (this.#waiting.length === MOST_WRITTEN || this.#waitingBytes + pair.value.length > BATCH_BYTES)
        await this.#write();
      this.#waiting.push(pair);
      this.#waitingBytes += pair.value.length;
      // A list may show a key for a minute after it was deleted.
      this.#published[isThere && values?.get(pair.key) !== null ? "repaired" : "uploaded"]++;
    }
  }

  async #write(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await this.#store.putTexts(this.#waiting);
    this.#advance(this.#waiting.length);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  async #addBlob(key: string, blob: Uint8Array): Promise<void> {
    const isThere = (await this.#store.keys(key)).has(key);
    const value = isThere && this.#verify ? await this.#store.bytes(key) : null;
    if (isThere && (!this.#verify || (value !== null && Buffer.compare(value, blob) === 0)))
      return this.#count("present");
    await this.#store.putBytes(key, blob);
    this.#published[value === null ? "uploaded" : "repaired"]++;
    this.#advance(1);
  }

  #count(kind: keyof Published): void {
    this.#published[kind]++;
    this.#advance(1);
  }
}

/** The values of keys. Where they are too large for one answer, two answers have them. */
async function readAll(store: KvStore, keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
  try {
    return await store.texts(keys);
  } catch (error) {
    if (!(error instanceof ValuesTooLarge)) throw error;
    // One value alone is longer than any page, so it is not the page.
    if (keys.length === 1) return new Map([[String(keys[0]), ""]]);
    const half = keys.length >> 1;
    return new Map([...(await readAll(store, keys.slice(0, half))), ...(await readAll(store, keys.slice(half)))]);
  }
}
