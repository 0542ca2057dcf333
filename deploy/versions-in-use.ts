import { FormatError } from "../format/errors.ts";
import { type EarlierPointer, readEarlierPointer } from "../format/pointer.ts";
import { earlierPointerKey, uploadKey } from "../format/store.ts";
import { readUpload, type Upload } from "../format/upload.ts";
import { UserError } from "../trainer/errors.ts";
import { DigestSet } from "./digest-set.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";
import { type ModelEntry, ModelRegistry } from "./registry.ts";
import { manifestOfVersion, readableManifest } from "./stored-version.ts";
import { timeNoted } from "./upload-journal.ts";
import { versionsOfExperiments } from "./versions-of-experiments.ts";

/** What a store says of its versions, which decides what may be removed. */
export interface StoreState {
  models: ModelEntry[];
  earlier: EarlierPointer | null;
  /** Versions that arms of experiments name. */
  ofArms: ReadonlySet<string>;
  /** Uploads that have not ended and whose pages are known, by version; `time`: of their last sign of life. */
  uploads: Map<string, Upload>;
  /** By version, those whose journal is damaged: when their last value was written, or null where nothing says. */
  damagedUploads: Map<string, number | null>;
}

/** Reads it. Throws UserError or FormatError where some of it is damaged: nothing is to be removed then. */
export async function readState(store: KvStore): Promise<StoreState> {
  // Uploads come first: one that ends while the rest is read is in a history by then.
  const uploads = await readUploads(store);
  const models = await new ModelRegistry(store).list();
  for (const { problem } of models)
    if (problem !== null) throw new UserError(`${problem}; \`publish --repair\` of the model writes it anew`);
  const ofArms = await versionsOfExperiments(store);
  const text = await textOf(store, earlierPointerKey());
  return { models, earlier: text === null ? null : readEarlierPointer(text), ofArms, ...uploads };
}

/** Reads the journals of uploads. */
async function readUploads(store: KvStore): Promise<Pick<StoreState, "uploads" | "damagedUploads">> {
  const uploads = new Map<string, Upload>();
  const damagedUploads = new Map<string, number | null>();
  for (const version of await uploadedVersions(store)) {
    const upload = await textOf(store, uploadKey(version));
    if (upload === null) continue;
    const read = await unlessDamaged(() => readUpload(upload, version));
    const noted = await timeNoted(store, version);
    if (read === null) damagedUploads.set(version, noted);
    const known = read ?? (await knownUpload(store, version, noted));
    if (known) uploads.set(version, { ...known, time: Math.max(known.time, noted ?? 0) });
  }
  return { uploads, damagedUploads };
}

/** The versions that have a journal of an upload. */
async function uploadedVersions(store: KvStore): Promise<string[]> {
  const prefix = uploadKey("");
  return [...(await store.keys(prefix))].map((key) => key.slice(prefix.length));
}

/** An upload with a damaged journal, by the manifest or the blob; null where neither is there. */
async function knownUpload(store: KvStore, version: string, time: number | null): Promise<Upload | null> {
  const manifest = await unlessDamaged(() => manifestOfVersion(store, version));
  // It may have begun just now.
  return manifest && { ...manifest, time: time ?? Number.POSITIVE_INFINITY };
}

/** What `read` gives; null where that is missing or damaged. */
async function unlessDamaged<T>(read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** The versions that something leads requests to, or a rollback without a version would. */
export function versionsInUse({ models, earlier, ofArms }: StoreState): Set<string> {
  const used = new Set(ofArms);
  for (const { pointer } of models) {
    if (pointer) used.add(pointer.version);
    if (pointer && pointer.previous !== null) used.add(pointer.previous);
  }
  if (earlier) used.add(earlier.version);
  return used;
}

/** The versions that must stay: those in use, those of histories, and those whose upload `stays`. */
export function versionsKept(state: StoreState, stays: (upload: Upload) => boolean): Set<string> {
  const kept = versionsInUse(state);
  for (const { history } of state.models) for (const { version } of history) kept.add(version);
  for (const [version, upload] of state.uploads) if (stays(upload)) kept.add(version);
  return kept;
}

/** What must stay in a store. */
export interface Needed {
  versions: Set<string>;
  /** The digests of the pages that they have, and that uploads are to bring. */
  pages: DigestSet;
}

/**
 * All that versions need to stay whole: their pages, and the versions that their blobs are patches of, with theirs.
 * Throws UserError where that of a version cannot be known: anything might be a part of it.
 */
export async function neededBy(store: KvStore, kept: ReadonlySet<string>, { uploads }: StoreState): Promise<Needed> {
  const versions = new Set(kept);
  const pages = new DigestSet();
  // The set grows on the way, by bases, of which none is a patch itself.
  for (const version of versions) {
    const upload = uploads.get(version);
    const manifest = upload
      ? await readableManifest(store, version)
      : await manifestOfVersion(store, version).catch(unknown(version));
    for (const one of [upload, manifest]) {
      if (!one) continue;
      pages.addAll(one.pageDigests);
      if (one.base !== null) versions.add(one.base);
    }
  }
  return { versions, pages };
}

/**
 * Adds to what is needed, and to the state, what uploads count on that have begun since the state was read, as far as
 * they stay. Throws FormatError where that of one cannot be read.
 */
export async function addBegun(
  store: KvStore,
  state: StoreState,
  stays: (upload: Upload) => boolean,
  needed: Needed,
): Promise<void> {
  for (const version of await uploadedVersions(store)) {
    const before = state.uploads.get(version);
    if (before && stays(before)) continue;
    const text = await textOf(store, uploadKey(version));
    if (text === null) continue;
    const read = (): Upload => readUpload(text, version);
    const upload = state.damagedUploads.has(version) ? await unlessDamaged(read) : read();
    if (upload === null || !stays(upload)) continue;
    state.uploads.set(version, upload);
    needed.versions.add(version);
    if (upload.base !== null) needed.versions.add(upload.base);
    needed.pages.addAll(upload.pageDigests);
  }
}

function unknown(version: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof FormatError)) throw error;
    throw new UserError(
      `${error.message}; the pages of ${version}, which stays, are not known, so that nothing is removed. ` +
        "`publish --repair --no-switch` of its export brings them back",
    );
  };
}
