import { PAGE_DIGEST_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import { writeHistory } from "../format/history.ts";
import { type PublishedManifest, readPublishedManifest, writePublishedManifest } from "../format/published-manifest.ts";
import { blobKey, historyKey, manifestKey, pageKey, removalKey, uploadedKey, uploadKey } from "../format/store.ts";
import type { Upload } from "../format/upload.ts";
import { UserError } from "../trainer/errors.ts";
import { DigestSet } from "./digest-set.ts";
import { deleteAll, type KvStore, MOST_WRITTEN, textOf } from "./kv/kv-store.ts";
import { ABANDONED_MS, noteSeen, oldJournals, unknownUploads } from "./old-journals.ts";
import { ModelRegistry } from "./registry.ts";
import { manifestOfVersion } from "./stored-version.ts";
import { neededBy, readState, type StoreState, versionsInUse, versionsKept } from "./versions-in-use.ts";

const DAY_MS = 86_400_000;

/** What stays. */
export interface PruneOptions {
  /** The model whose versions go; null: of all models. */
  model: string | null;
  /** The newest versions of each history that stay, however old they are. */
  keep: number;
  /**
   * Versions that were published in the last so many days stay, and so does what uploads of these days, or of the last
   * one, count on. Of one model's pruning, what those of other models count on stays however old they are.
   */
  days: number;
}

/** What is no longer needed. */
export interface Removal {
  /** Versions that histories forget. */
  forgotten: { model: string; version: string }[];
  /** Versions whose blob, manifest, and pages that no other version has, go. */
  versions: string[];
  pages: number;
  /** Keys of journals of uploads and removals that have ended, or were stopped long ago. */
  journals: string[];
  /**
   * Versions that are perhaps being uploaded, and of which nothing says what their upload counts on: because of them
   * nothing else goes.
   */
  unknown: string[];
}

const NOTHING: Readonly<Removal> = { forgotten: [], versions: [], pages: 0, journals: [], unknown: [] };

/** Removes versions that nothing needs any more from a store. */
export class Pruning {
  readonly #store: KvStore;
  readonly #options: PruneOptions;
  readonly #now: () => number;

  constructor(store: KvStore, options: PruneOptions, now: () => number = Date.now) {
    this.#store = store;
    this.#options = options;
    this.#now = now;
  }

  /** Finds what is no longer needed, and removes nothing. Throws UserError, FormatError where it cannot be known. */
  async plan(): Promise<Removal> {
    const state = await readState(this.#store);
    const unknown = unknownUploads(state, this.#now());
    if (unknown.length > 0) return { ...NOTHING, unknown };
    const forgotten = this.#forgotten(state);
    const trimmed = withoutForgotten(state, forgotten);
    const needed = await neededBy(this.#store, versionsKept(trimmed, this.#uploadStays), state);
    const versions = await this.#unneeded(
      trimmed,
      needed.versions,
      forgotten.map(({ version }) => version),
    );
    // Those of versions that go are gone with them.
    const journals = (await oldJournals(this.#store, state, needed.versions, this.#now())).filter(
      (key) => !versions.some((version) => key.endsWith(version)),
    );
    let pages = 0;
    const doomed = new DigestSet();
    for (const version of versions)
      for (const _key of doomedPages(await this.#manifestOf(version, state), needed.pages, doomed)) pages++;
    return { forgotten, versions, pages, journals, unknown };
  }

  /**
   * Removes what `plan` has found, and notes of damaged journals that they were seen. Histories forget it first, and
   * its manifests go before its pages, so that whoever publishes meanwhile does not count on them; what is being
   * removed stays noted until it is gone, so that a removal that is stopped can be ended by the next one. Returns what
   * was removed: less than was planned where a version was made to serve meanwhile.
   */
  async remove({ forgotten: toForget, versions, journals: planned }: Removal): Promise<Removal> {
    const store = this.#store;
    const before = await readState(store);
    await noteSeen(store, before, this.#now());
    const unknown = unknownUploads(before, this.#now());
    if (unknown.length > 0) return { ...NOTHING, unknown };
    const whole = new Set<string>();
    for (const version of versions) {
      const manifest = await this.#manifestOf(version, before);
      if (manifest === null) continue;
      if ((await textOf(store, manifestKey(version))) !== null) whole.add(version);
      await store.putTexts([{ key: removalKey(version), value: writePublishedManifest(manifest) }]);
    }
    const still = new Set(this.#forgotten(before).map(({ model, version }) => `${model}@${version}`));
    const forgotten = toForget.filter(({ model, version }) => still.has(`${model}@${version}`));
    await this.#trimHistories(forgotten);
    await deleteAll(
      store,
      versions.flatMap((version) => [uploadedKey(version), manifestKey(version)]),
    );

    // What holds now decides: a version may have been made to serve, or be uploaded again.
    const state = await readState(store);
    const needed = await neededBy(store, versionsKept(state, this.#uploadStays), state);
    for (const version of whole) if (needed.versions.has(version)) await this.#restore(version);
    const gone = versions.filter((version) => !needed.versions.has(version));
    let pages = 0;
    const doomed = new DigestSet();
    for (const version of gone) {
      let keys: string[] = [...(await store.keys(blobKey(version)))];
      for (const key of doomedPages(await this.#manifestOf(version, state), needed.pages, doomed)) {
        pages++;
        keys.push(key);
        if (keys.length < MOST_WRITTEN) continue;
        await deleteAll(store, keys);
        keys = [];
      }
      await deleteAll(store, [...keys, uploadKey(version)]);
      await store.delete([removalKey(version)]);
    }
    const journals = (await oldJournals(store, state, needed.versions, this.#now())).filter((key) =>
      planned.includes(key),
    );
    await deleteAll(store, journals);
    return { forgotten, versions: gone, pages, journals, unknown };
  }

  /**
   * Whether an upload stays: it may be under way, is to stay as versions of its time do, or is another model's. Where
   * its journal stays, so must the pages that it counts on, since whoever takes it up again sends none of them.
   */
  readonly #uploadStays = ({ model, time }: Upload): boolean => {
    const { model: only, days } = this.#options;
    return time > this.#now() - Math.max(days * DAY_MS, ABANDONED_MS) || (only !== null && model !== only);
  };

  /** What histories are to forget. */
  #forgotten(state: StoreState): { model: string; version: string }[] {
    const { model: only, keep } = this.#options;
    const used = versionsInUse(state);
    const since = this.#now() - this.#options.days * DAY_MS;
    if (only !== null && !state.models.some(({ model }) => model === only)) throw noSuchModel(only, state);
    return state.models
      .filter(({ model }) => only === null || model === only)
      .flatMap(({ model, history }) =>
        history
          .filter(({ version, time }, i) => i >= keep && time <= since && !used.has(version))
          .map(({ version }) => ({ model, version })),
      );
  }

  /**
   * The versions that a store has something of, and that nothing needs: of no history any more, of an upload that was
   * stopped long ago, or of a removal that was stopped.
   */
  async #unneeded(state: StoreState, needed: ReadonlySet<string>, forgotten: readonly string[]): Promise<string[]> {
    const found = new Set<string>([...forgotten, ...state.uploads.keys()]);
    for (const prefix of [manifestKey(""), removalKey("")])
      for (const key of await this.#store.keys(prefix)) found.add(key.slice(prefix.length));
    const unneeded: string[] = [];
    for (const version of found) {
      if (needed.has(version)) continue;
      const { model } = this.#options;
      const isOf = async (): Promise<boolean> => (await this.#manifestOf(version, state))?.model === model;
      if (model === null || forgotten.includes(version) || (await isOf())) unneeded.push(version);
    }
    return unneeded.sort();
  }

  /** What belongs to a version that is to go; null where nothing says so any more. */
  async #manifestOf(version: string, { uploads }: StoreState): Promise<PublishedManifest | null> {
    const text = await textOf(this.#store, removalKey(version));
    try {
      if (text !== null) return readPublishedManifest(text, version, removalKey(version));
      const upload = uploads.get(version);
      if (upload) {
        const { time, ...manifest } = upload;
        return manifest;
      }
      return await manifestOfVersion(this.#store, version);
    } catch (error) {
      if (error instanceof FormatError) return null;
      throw error;
    }
  }

  async #trimHistories(forgotten: Removal["forgotten"]): Promise<void> {
    const registry = new ModelRegistry(this.#store);
    for (const model of new Set(forgotten.map(({ model }) => model))) {
      const gone = new Set(forgotten.filter((one) => one.model === model).map(({ version }) => version));
      const history = (await registry.history(model)).filter(({ version }) => !gone.has(version));
      await this.#store.putTexts([{ key: historyKey(model), value: writeHistory(history) }]);
    }
  }

  /** Gives a version its manifest back, of which nothing has been removed. */
  async #restore(version: string): Promise<void> {
    const text = await textOf(this.#store, removalKey(version));
    if (text === null) return;
    await this.#store.putTexts([{ key: manifestKey(version), value: text }]);
    await this.#store.delete([removalKey(version)]);
  }
}

function withoutForgotten(state: StoreState, forgotten: Removal["forgotten"]): StoreState {
  const gone = new Set(forgotten.map(({ model, version }) => `${model}@${version}`));
  const models = state.models.map((entry) => ({
    ...entry,
    history: entry.history.filter(({ version }) => !gone.has(`${entry.model}@${version}`)),
  }));
  return { ...state, models };
}

/** The keys of a manifest's pages that are neither kept nor in `doomed`, which gets them. */
function* doomedPages(manifest: PublishedManifest | null, kept: DigestSet, doomed: DigestSet): Generator<string> {
  const digests = manifest?.pageDigests ?? new Uint8Array(0);
  for (let at = 0; at < digests.length; at += PAGE_DIGEST_BYTES) {
    const digest = digests.subarray(at, at + PAGE_DIGEST_BYTES);
    if (!kept.has(digest) && doomed.add(digest)) yield pageKey(digest);
  }
}

function noSuchModel(name: string, { models }: StoreState): UserError {
  return new UserError(`got the model ${name}, expected ${models.map(({ model }) => model).join(", ") || "none"}`);
}
