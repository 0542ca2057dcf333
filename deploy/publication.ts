import { writePublishedManifest } from "../format/published-manifest.ts";
import { readManifest } from "../format/read-blob.ts";
import { serialOf, signerOf } from "../format/seal.ts";
import { manifestKey, pageKey } from "../format/store.ts";
import { bytesText } from "../trainer/terminal/table.ts";
import { type BlobForm, blobFormFor, bytesOf, isBase, LEAST_SAVED, wholeForm } from "./blob-form.ts";
import { type UploadCost, uploadCost } from "./cost.ts";
import type { DigestSet } from "./digest-set.ts";
import { knownPages } from "./known-pages.ts";
import { BATCH_BYTES, type KvPair, type KvStore, MOST_READ, MOST_WRITTEN, textsOf } from "./kv/kv-store.ts";
import { ModelRegistry } from "./registry.ts";
import { planRelease, type ReleaseOptions } from "./release.ts";
import { type Endangered, endangeredOf } from "./removals.ts";
import { checkSample } from "./sample.ts";
import { CLOCK, type Clock, sleepUntil } from "./settle.ts";
import { readableManifest } from "./stored-version.ts";
import { UploadJournal } from "./upload-journal.ts";
import { pageDigestsOf, pageText, type UploadedModel } from "./uploaded-model.ts";

/** How a version is brought into a store. */
export interface UploadOptions {
  /** Whether all that is there is read back, and what is damaged written again, small values too. Default: false. */
  repair?: boolean;
  /** Seconds that the last page must be old before the pointer moves. Default: 0. */
  settle?: number;
  /** Told what the upload costs before it begins. Where it throws, nothing is uploaded. */
  approve?: (cost: UploadCost) => Promise<void>;
  /** Told of values that are done with, and of what is being waited for. */
  advance?: (values: number, note: string) => void;
  /** Told, in a sentence, what a user should know of. */
  say?: (what: string) => void;
  /** Numbers of 0 to 1, for the sample that is read back. */
  random?: () => number;
  clock?: Clock;
  /** The most keys of one write. */
  batchKeys?: number;
  /** Bytes that a patch of another blob must save at least. */
  leastSaved?: number;
}

/** Numbers of pages and of values of the blob, and what became of the pointer. */
export interface Published {
  /** Written for the first time. */
  uploaded: number;
  /** There already, and left as they were. */
  present: number;
  /** There already, but damaged, and written again. */
  repaired: number;
  /** The version that the model is pinned to, so that its pointer stays; null where it is not pinned. */
  pinnedTo: string | null;
  /** The model that requests get which name none; null: there is none. */
  byDefault: string | null;
}

/** One version's way into a store. */
export class Publication {
  readonly #store: KvStore;
  readonly #options: Required<UploadOptions>;
  readonly #published: Published = { uploaded: 0, present: 0, repaired: 0, pinnedTo: null, byDefault: null };
  /** Pairs that are to be written, and the length of their values. */
  #waiting: KvPair[] = [];
  #waitingBytes = 0;
  /** When the last value was written, in milliseconds since the epoch; 0: none was. */
  #writtenAt = 0;

  constructor(store: KvStore, options: UploadOptions = {}) {
    this.#store = store;
    this.#options = {
      ...{ repair: false, settle: 0, approve: async () => {}, advance: () => {}, say: () => {} },
      ...{ random: Math.random, clock: CLOCK, batchKeys: MOST_WRITTEN, leastSaved: LEAST_SAVED },
      ...options,
    };
  }

  /**
   * Publishes. What is there already is known by the manifests of published versions. Throws UserError where the store
   * cannot be written, or what it gives back is not what was written, or the options do not fit what it has, and
   * FormatError where its small values are damaged.
   */
  async run(model: UploadedModel, release: ReleaseOptions = {}): Promise<Published> {
    const { repair, settle, clock, advance, say } = this.#options;
    const { version, blob } = model;

    // 1. What would refuse the publication is found before anything is written.
    const registry = new ModelRegistry(this.#store, clock.now);
    const { evidence } = readManifest(blob);
    const signature = { isSigned: signerOf(blob) !== null, serial: serialOf(blob) };
    const released = { name: model.model, version, ...signature, bytes: blob.length, evidence };
    const plan = await planRelease(registry, released, release, repair ? say : null);
    this.#store.checkKeys?.(plan.writes.map(({ key }) => key));
    const journal = new UploadJournal(this.#store, version);
    let form = await this.#chooseForm(model, plan.model, registry, journal);

    // 2. The journal, before it is asked what is there: from now on nobody removes what this upload counts on.
    let manifest = { model: plan.model, bytes: blob.length, base: form.base, pageDigests: pageDigestsOf(model) };
    let before = await journal.begin(manifest, clock.now(), repair);
    if (!(await this.#isStill(form, version))) {
      // What it counts on was removed a moment ago.
      form = wholeForm(model);
      manifest = { ...manifest, base: null };
      before = await journal.begin(manifest, clock.now(), repair);
    }
    const endangered = await endangeredOf(this.#store, version, manifest.pageDigests);
    const begunAt = clock.now();
    const known = repair ? null : await knownPages(this.#store, version, manifest.pageDigests, await registry.list());
    const done = before.values;
    this.#writtenAt = before.time;
    try {
      await this.#options.approve(await uploadCost(model, form, known, done));
    } catch (error) {
      await journal.giveUp();
      throw error;
    }

    // 3. Pages, and the blob.
    const note = (values: number): Promise<void> => journal.note({ values, time: this.#writtenAt });
    if (known === null) await this.#repairPages(model.pages);
    else await this.#uploadPages(model, known.pages, done, note);
    await this.#uploadBlob(form, model.pages.length, done, note);

    // 4. KV remembers for a while that a key was absent, so that a Worker might not find a page that is there.
    // It was written by now, whatever the clock says of whoever has noted it.
    const settled = async (from: number): Promise<void> => {
      const writtenAt = Math.min(from, clock.now());
      await sleepUntil(writtenAt + 1000 * settle, clock, (s) => advance(0, `the pointer moves in ${s} s`));
    };
    if (plan.writes.length > 1) await settled(this.#writtenAt);
    // A deletion that was on its way when the upload began has ended as long after.
    if (endangered) await settled(begunAt);
    while (endangered && (await this.#writeAgain(model, form, endangered))) await settled(this.#writtenAt);
    advance(0, "");
    await checkSample(this.#store, model, form, this.#options.random);
    await this.#store.putTexts([{ key: manifestKey(version), value: writePublishedManifest(manifest) }]);

    // 5. History, pointer and default, one after the other, when all that they lead to is there. What they say now
    // counts, and not what they said before the upload.
    const planAgain = () => planRelease(registry, released, release, repair ? () => {} : null);
    const { model: name, writes, pinnedTo, byDefault } = await planAgain();
    for (const write of writes) await this.#store.putTexts([write]);
    // Another publisher, or a removal, may have written over it what it had read of the history before.
    if (!(await registry.history(name)).some((one) => one.version === version))
      await this.#store.putTexts((await planAgain()).writes.slice(0, 1));
    await journal.end();
    return { ...this.#published, pinnedTo, byDefault };
  }

  /** Uploads the pages behind the first `done` that are not known to be there. */
  async #uploadPages(
    { pages }: UploadedModel,
    known: DigestSet,
    done: number,
    note: (values: number) => Promise<void>,
  ): Promise<void> {
    for (const [i, page] of pages.entries()) {
      if (i < done || known.has(page.digest)) {
        this.#count("present");
        continue;
      }
      const pair = { key: pageKey(page.digest), value: await pageText(page) };
      if (this.#isFull(pair)) {
        await this.#write();
        await note(i);
      }
      this.#add(pair, "uploaded");
    }
    if (this.#waiting.length === 0) return;
    await this.#write();
    await note(pages.length);
  }

  /** Whether the store still has what a form counts on: the blob itself, or the base of its patch. */
  async #isStill({ base, values }: BlobForm, version: string): Promise<boolean> {
    if (values === null) return (await readableManifest(this.#store, version)) !== null;
    return base === null || isBase(this.#store, base);
  }

  /** Writes what a removal has deleted of a version since it was uploaded. Returns whether it has deleted anything. */
  async #writeAgain({ pages }: UploadedModel, { keys, values }: BlobForm, endangered: Endangered): Promise<boolean> {
    const { uploaded, present, repaired } = this.#published;
    await this.#repairPages(pages.filter(({ digest }) => endangered.pages.has(digest)));
    let isDeleted = this.#published.uploaded > uploaded;
    for (const [part, key] of keys.entries()) {
      const bytes = values?.[part];
      if (!endangered.blob || !bytes || (await this.#store.bytes(key)) !== null) continue;
      await this.#store.putBytes(key, bytes);
      this.#writtenAt = this.#options.clock.now();
      isDeleted = true;
    }
    // They have been counted before.
    Object.assign(this.#published, { uploaded, present, repaired });
    return isDeleted;
  }

  /** Reads pages back, and writes those that are missing or damaged. */
  async #repairPages(pages: readonly UploadedModel["pages"][number][]): Promise<void> {
    let batch: KvPair[] = [];
    let bytes = 0;
    for (const page of pages) {
      const pair = { key: pageKey(page.digest), value: await pageText(page) };
      if (batch.length === MOST_READ || bytes + pair.value.length > BATCH_BYTES) {
        await this.#repair(batch);
        [batch, bytes] = [[], 0];
      }
      batch.push(pair);
      bytes += pair.value.length;
    }
    await this.#repair(batch);
    await this.#write();
  }

  async #repair(batch: readonly KvPair[]): Promise<void> {
    const stored = await textsOf(
      this.#store,
      batch.map(({ key }) => key),
    );
    for (const pair of batch) {
      const there = stored.get(pair.key) ?? null;
      if (there === pair.value) {
        this.#count("present");
        continue;
      }
      if (this.#isFull(pair)) await this.#write();
      this.#add(pair, there === null ? "uploaded" : "repaired");
    }
  }

  /** How the store is to have the blob; says where that is as a patch. */
  async #chooseForm(
    model: UploadedModel,
    name: string,
    registry: ModelRegistry,
    journal: UploadJournal,
  ): Promise<BlobForm> {
    const { repair, leastSaved, say } = this.#options;
    const stopped = (await journal.stopped())?.base;
    const form = await blobFormFor(this.#store, model, { registry, name, stopped, repair, leastSaved });
    if (form.base !== null && form.values !== null)
      say(`blob: ${bytesText(bytesOf(form))}, a patch of ${form.base}, in place of ${bytesText(model.blob.length)}`);
    return form;
  }

  /** Uploads the values of the blob behind the first `done` of all values, unless they are there. */
  async #uploadBlob(
    { keys, values }: BlobForm,
    pages: number,
    done: number,
    note: (values: number) => Promise<void>,
  ): Promise<void> {
    for (const [part, key] of keys.entries()) {
      const bytes = values?.[part];
      const stored = this.#options.repair ? await this.#store.bytes(key) : null;
      if (!bytes || pages + part < done || (stored !== null && Buffer.compare(stored, bytes) === 0)) {
        this.#count("present");
        continue;
      }
      await this.#store.putBytes(key, bytes);
      this.#writtenAt = this.#options.clock.now();
      this.#published[stored === null ? "uploaded" : "repaired"]++;
      this.#options.advance(1, "");
      await note(pages + part + 1);
    }
  }

  #isFull({ value }: KvPair): boolean {
    const { batchKeys } = this.#options;
    return this.#waiting.length === batchKeys || this.#waitingBytes + value.length > BATCH_BYTES;
  }

  #add(pair: KvPair, kind: "uploaded" | "repaired"): void {
    this.#waiting.push(pair);
    this.#waitingBytes += pair.value.length;
    this.#published[kind]++;
  }

  async #write(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await this.#store.putTexts(this.#waiting);
    this.#writtenAt = this.#options.clock.now();
    this.#options.advance(this.#waiting.length, "");
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #count(kind: "present"): void {
    this.#published[kind]++;
    this.#options.advance(1, "");
  }
}
