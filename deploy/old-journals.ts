import { FormatError } from "../format/errors.ts";
import { readPublishedManifest } from "../format/published-manifest.ts";
import { manifestKey, removalKey, uploadedKey, uploadKey } from "../format/store.ts";
import { writeUploaded } from "../format/upload.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";
import { timeNoted } from "./upload-journal.ts";
import type { StoreState } from "./versions-in-use.ts";

// Journals of uploads and removals that were stopped, and that nobody goes on with.

const DAY_MS = 86_400_000;

/** Milliseconds after which an upload that has written nothing is one that was stopped. */
export const ABANDONED_MS = DAY_MS;

/**
 * The versions of which nothing says what their upload counts on, and which may be under way: their last value is not
 * old, or nothing says its time. No page can be removed meanwhile.
 */
export function unknownUploads({ uploads, damagedUploads }: StoreState, now: number): string[] {
  return [...damagedUploads.keys()].filter(
    (version) => !uploads.has(version) && !isAbandoned(damagedUploads.get(version) ?? null, now),
  );
}

/** Notes when damaged journals without a time were seen, so that a later removal may know that they are old. */
export async function noteSeen(store: KvStore, { damagedUploads }: StoreState, now: number): Promise<void> {
  const untimed = [...damagedUploads].filter(([, time]) => time === null).map(([version]) => version);
  if (untimed.length === 0) return;
  // A publisher that is at work writes over it, and one that begins believes nothing beside a damaged journal.
  const value = writeUploaded({ time: now, values: 0 });
  await store.putTexts(untimed.map((version) => ({ key: uploadedKey(version), value })));
}

/**
 * The keys of journals that nothing needs: of uploads that ended, or were stopped, more than a day ago and whose pages
 * are not to be removed, and of removals of versions that are whole again. `needed`: the versions that stay.
 */
export async function oldJournals(
  store: KvStore,
  state: StoreState,
  needed: ReadonlySet<string>,
  now: number,
): Promise<string[]> {
  const versionsOf = async (prefix: string): Promise<string[]> =>
    [...(await store.keys(prefix))].map((key) => key.slice(prefix.length));
  const keys: string[] = [];
  for (const [version, { time }] of state.uploads) {
    if (!isAbandoned(time, now)) continue;
    if (needed.has(version) && (await isPublished(store, version))) keys.push(uploadKey(version), uploadedKey(version));
  }
  for (const [version, time] of state.damagedUploads)
    if (!state.uploads.has(version) && isAbandoned(time, now)) keys.push(uploadKey(version), uploadedKey(version));
  for (const version of await versionsOf(uploadedKey(""))) {
    if (state.uploads.has(version) || state.damagedUploads.has(version)) continue;
    const time = await timeNoted(store, version);
    if (time === null || isAbandoned(time, now)) keys.push(uploadedKey(version));
  }
  for (const version of await versionsOf(removalKey("")))
    if (needed.has(version) && (await isPublished(store, version))) keys.push(removalKey(version));
  return keys.sort();
}

function isAbandoned(time: number | null, now: number): boolean {
  return time !== null && time < now - ABANDONED_MS;
}

/** Whether a version has a manifest, which is there once its blob and its pages are. */
async function isPublished(store: KvStore, version: string): Promise<boolean> {
  const text = await textOf(store, manifestKey(version));
  try {
    return text !== null && readPublishedManifest(text, version) !== null;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
