import { PAGE_DIGEST_BYTES } from "../format/constants.ts";
import { writePublishedManifest } from "../format/published-manifest.ts";
import { readManifest } from "../format/read-blob.ts";
import { signerOf } from "../format/seal.ts";
import { blobKey, manifestKey, pageKey } from "../format/store.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import type { StoredModel } from "../trainer/export/stored-model.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { BATCH_BYTES, type KvPair, type KvStore, MOST_READ, MOST_WRITTEN, ValuesTooLarge } from "./kv/kv-store.ts";
import { openStore, type StoreTarget } from "./kv/open-store.ts";
import { ModelRegistry } from "./registry.ts";
import { planRelease, type ReleaseOptions } from "./release.ts";

export interface PublishOptions extends ReleaseOptions {
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
 * then, when all of them are stored, writes the history and the pointer. A publication that fails on the way leaves the
 * version before it serving, and the next one goes on where it stopped. Throws UserError where the store cannot be
 * written or the options do not fit what it has, and FormatError where its small values are damaged.
 */
export async function publish(
  model: StoredModel | ExportedModel,
  target: StoreTarget,
  { verify = true, ...release }: PublishOptions = {},
): Promise<Published> {
  using task = startTask("publish", model.pages.length + 3, "keys");
  await using store = await openStore(target, (why, seconds) => task.advance(0, `${why}; again in ${seconds} s`));
  const published = await new Publication(store, verify, (keys) => task.advance(keys, "")).run(model, release);
  const { present, repaired } = published;
  task.done(`${present} already there${repaired > 0 ? `, ${repaired} were damaged and are written again` : ""}`);
  return published;
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

  async run(
    { model: name, version, blob, pages }: StoredModel | ExportedModel,
    options: ReleaseOptions = {},
  ): Promise<Published> {
    // 1. What would refuse the publication is found before anything is written.
    const registry = new ModelRegistry(this.#store);
    const released = { name, version, isSigned: signerOf(blob) !== null, bytes: blob.length };
    const { evidence } = readManifest(blob);
    const { model, writes } = await planRelease(registry, { ...released, evidence }, options);

    // 2. Pages, as text: a bulk read gives nothing else.
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

    // 3. The blob, and what belongs to it.
    await this.#addBlob(blobKey(version), blob);
    const pageDigests = new Uint8Array(pages.length * PAGE_DIGEST_BYTES);
    pages.forEach(({ digest }, i) => {
      pageDigests.set(digest, i * PAGE_DIGEST_BYTES);
    });
    const manifest = writePublishedManifest({ model, bytes: blob.length, pageDigests });
    await this.#store.putTexts([{ key: manifestKey(version), value: manifest }]);
    this.#advance(1);

    // 4. History, pointer and default, one after the other, when all that they lead to is there.
    for (const write of writes) await this.#store.putTexts([write]);
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
