import { PAGE_DIGEST_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import { MAX_HISTORY, type Publication, writeHistory } from "../format/history.ts";
import { type PublishedManifest, readPublishedManifest, writePublishedManifest } from "../format/published-manifest.ts";
import { blobKey, historyKey, manifestKey, pageKey, removalKey, uploadedKey, uploadKey } from "../format/store.ts";
import type { Upload } from "../format/upload.ts";
import { UserError } from "../trainer/errors.ts";
import { DigestSet } from "./digest-set.ts";
import { deleteAll, type KvStore, MOST_WRITTEN, textOf } from "./kv/kv-store.ts";
import { ABANDONED_MS, noteSeen, oldJournals, unknownUploads } from "./old-journals.ts";
import { ModelRegistry } from "./registry.ts";
import { manifestOfVersion } from "./stored-version.ts";
import {
  addBegun,
  type Needed,
  neededBy,
  readState,
  type StoreState,
  versionsInUse,
  versionsKept,
} from "./versions-in-use.ts";

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
      for (const _digest of doomedPages(await this.#manifestOf(version, state), needed.pages, doomed)) pages++;
    return { forgotten, versions, pages, journals, unknown };
  }

  /**
   * Removes what `plan` has found, and notes of damaged journals that they were seen. Histories forget it first, and
   * its manifests go before its pages, so that whoever publishes meanwhile does not count on them; what is being
   * removed stays noted until it is gone, so that a removal that is stopped can be ended by the next one, and that a
   * publisher reads such pages back. Returns what was removed: less than was planned where a version was made to serve
   * meanwhile, or an upload has begun.
   */
  async remove({ forgotten: toForget, versions: planned, journals: oldOnes }: Removal): Promise<Removal> {
    const store = this.#store;
    const before = await readState(store);
    await noteSeen(store, before, this.#now());
    const unknown = unknownUploads(before, this.#now());
    if (unknown.length > 0) return { ...NOTHING, unknown };
    const asPlanned = new Set(toForget.map(nameOf));
    const lines = this.#forgotten(before).filter((line) => asPlanned.has(nameOf(line)));
    const kept = await neededBy(store, versionsKept(withoutForgotten(before, lines), this.#uploadStays), before);
    const versions = planned.filter((version) => !kept.versions.has(version));
    const whole = new Set<string>();
    for (const version of versions) {
      const manifest = await this.#manifestOf(version, before);
      if (manifest === null) continue;
      if ((await textOf(store, manifestKey(version))) !== null) whole.add(version);
      await store.putTexts([{ key: removalKey(version), value: writePublishedManifest(manifest) }]);
    }
    const trimmed = await this.#trimHistories(before, lines);
    await deleteAll(store, [...versions.map(uploadedKey), ...[...whole].map(manifestKey)]);

    // What holds now decides: a version may have been made to serve, or be uploaded again.
    const state = await readState(store);
    const needed = await neededBy(store, versionsKept(state, this.#uploadStays), state);
    for (const version of whole) if (needed.versions.has(version)) await this.#restore(version);
    const forgotten = await this.#remember(before, trimmed, versionsInUse(state));
    const gone: string[] = [];
    let pages = 0;
    const doomed = new DigestSet();
    for (const version of versions) {
      if (needed.versions.has(version)) continue;
      for (const batch of batchesOf(doomedPages(await this.#manifestOf(version, state), needed.pages, doomed))) {
        const left = await this.#unneededOf(batch, version, state, needed);
        if (left.length > 0) await store.delete(left.map(pageKey));
        pages += left.length;
      }
      await addBegun(store, state, this.#uploadStays, needed);
      if (!needed.versions.has(version)) {
        await deleteAll(store, [...(await store.keys(blobKey(version))), uploadKey(version)]);
        gone.push(version);
      }
      await store.delete([removalKey(version)]);
    }
    // Who had read a history before may have written such lines back.
    const ofGone = forgotten.filter(({ version }) => gone.includes(version));
    await this.#trimHistories(before, ofGone);
    await addBegun(store, state, this.#uploadStays, needed);
    const journals = (await oldJournals(store, state, needed.versions, this.#now())).filter((key) =>
      oldOnes.includes(key),
    );
    await deleteAll(store, journals);
    return { forgotten, versions: gone, pages, journals, unknown };
  }

  /** Those of a version's pages that no upload counts on which has begun meanwhile; none where that is its own. */
  async #unneededOf(
    digests: readonly Uint8Array[],
    version: string,
    state: StoreState,
    needed: Needed,
  ): Promise<Uint8Array[]> {
    await addBegun(this.#store, state, this.#uploadStays, needed);
    return needed.versions.has(version) ? [] : digests.filter((digest) => !needed.pages.has(digest));
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

  /** Takes lines out of histories, as they were read before. Returns those that are taken out. */
  async #trimHistories(before: StoreState, lines: Removal["forgotten"]): Promise<Removal["forgotten"]> {
    const registry = new ModelRegistry(this.#store);
    const trimmed: Removal["forgotten"] = [];
    for (const model of new Set(lines.map(({ model }) => model))) {
      // One that is published again has a later time.
      const gone = linesOf(before, lines, model);
      const history = await registry.history(model);
      const isGone = ({ version, time }: Publication): boolean => gone.get(version)?.time === time;
      if (!history.some(isGone)) continue;
      await this.#store.putTexts([
        { key: historyKey(model), value: writeHistory(history.filter((one) => !isGone(one))) },
      ]);
      trimmed.push(...history.filter(isGone).map(({ version }) => ({ model, version })));
    }
    return trimmed;
  }

  /** Gives histories lines back, as they were read before, of versions that are in use now. Returns the other lines. */
  async #remember(
    before: StoreState,
    lines: Removal["forgotten"],
    used: ReadonlySet<string>,
  ): Promise<Removal["forgotten"]> {
    const back = lines.filter(({ version }) => used.has(version));
    for (const model of new Set(back.map(({ model }) => model))) {
      const history = await new ModelRegistry(this.#store).history(model);
      const there = new Set(history.map(({ version }) => version));
      const missing = [...linesOf(before, back, model).values()].filter(({ version }) => !there.has(version));
      const value = writeHistory([...history, ...missing].slice(0, MAX_HISTORY));
      await this.#store.putTexts([{ key: historyKey(model), value }]);
    }
    return lines.filter(({ version }) => !used.has(version));
  }

  /** Gives a version its manifest back, of which nothing has been removed. */
  async #restore(version: string): Promise<void> {
    const text = await textOf(this.#store, removalKey(version));
    if (text === null) return;
    await this.#store.putTexts([{ key: manifestKey(version), value: text }]);
    await this.#store.delete([removalKey(version)]);
  }
}

function nameOf({ model, version }: Removal["forgotten"][number]): string {
  return `${model}@${version}`;
}

/** The publications of a model that lines of its history are of, by version. */
function linesOf({ models }: StoreState, lines: Removal["forgotten"], model: string): Map<string, Publication> {
  const wanted = new Set(lines.map(nameOf));
  const history = models.find((entry) => entry.model === model)?.history ?? [];
  return new Map(
    history.filter(({ version }) => wanted.has(nameOf({ model, version }))).map((one) => [one.version, one]),
  );
}

function withoutForgotten(state: StoreState, forgotten: Removal["forgotten"]): StoreState {
  const gone = new Set(forgotten.map(nameOf));
  const models = state.models.map((entry) => ({
    ...entry,
    history: entry.history.filter(({ version }) => !gone.has(nameOf({ model: entry.model, version }))),
  }));
  return { ...state, models };
}

/** The digests of a manifest's pages that are neither kept nor in `doomed`, which gets them. */
function* doomedPages(manifest: PublishedManifest | null, kept: DigestSet, doomed: DigestSet): Generator<Uint8Array> {
  const digests = manifest?.pageDigests ?? new Uint8Array(0);
  for (let at = 0; at < digests.length; at += PAGE_DIGEST_BYTES) {
    const digest = digests.subarray(at, at + PAGE_DIGEST_BYTES);
    if (!kept.has(digest) && doomed.add(digest)) yield digest;
  }
}

/** As many as one deletion may have at a time. */
function* batchesOf<T>(all: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  for (const one of all) {
    batch.push(one);
    if (batch.length < MOST_WRITTEN) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function noSuchModel(name: string, { models }: StoreState): UserError {
  return new UserError(`got the model ${name}, expected ${models.map(({ model }) => model).join(", ") || "none"}`);
}
