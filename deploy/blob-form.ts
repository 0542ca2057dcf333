import { FormatError } from "../format/errors.ts";
import { isPatch, readPatchHeader } from "../format/patch.ts";
import { blobKey, blobPartKeys } from "../format/store.ts";
import { writePatch } from "../format/write-patch.ts";
import type { KvStore } from "./kv/kv-store.ts";
import type { ModelRegistry } from "./registry.ts";
import { readableManifest, storedBlob } from "./stored-version.ts";
import { blobPart, type UploadedModel } from "./uploaded-model.ts";

// A store has a blob as it is, in one value or in parts, or as a patch of another version's blob, its base. A base is
// never a patch itself, so that no blob takes more than two reads, and that what a version needs of others is one blob.

/**
 * Bytes that a patch must save at least: a Worker reads two keys in place of one, each time that it loads the version,
 * and the base stays in the store as long as the version does.
 */
export const LEAST_SAVED = 2 ** 16;

/** How a store is to have a blob. */
export interface BlobForm {
  /** The version that it is a patch of; null: it is stored as it is. */
  base: string | null;
  keys: readonly string[];
  /** The values of the keys; null: a manifest says that they are there. */
  values: readonly Uint8Array[] | null;
}

/** What decides it. */
export interface FormOptions {
  registry: ModelRegistry;
  /** The model's name in the store. */
  name: string;
  /** The base of an upload of the version that was stopped; undefined: there was none. */
  stopped: string | null | undefined;
  /** Whether nothing is believed to be there. */
  repair: boolean;
  leastSaved: number;
}

/** A blob as it is. */
export function wholeForm({ version, blob }: UploadedModel): BlobForm {
  const keys = blobPartKeys(version, blob.length);
  return { base: null, keys, values: keys.map((_, part) => blobPart(blob, part)) };
}

/**
 * How a store is to have the blob of a model: as it has it, if it does, since other versions may be patches of it, and
 * else as a patch of the blob that the model's newest version, or the one that serves, is or is a patch of, if that
 * saves enough.
 */
export async function blobFormFor(store: KvStore, model: UploadedModel, options: FormOptions): Promise<BlobForm> {
  const { stopped, repair, leastSaved } = options;
  const manifest = await readableManifest(store, model.version);
  if (manifest && !repair) {
    const { base } = manifest;
    return { base, keys: base === null ? wholeForm(model).keys : [blobKey(model.version)], values: null };
  }
  const base = manifest ? manifest.base : stopped === undefined ? await storedBase(store, model.version) : stopped;
  const whole = wholeForm(model);
  if (base !== undefined) return (base !== null && (await patchForm(store, model, base))) || whole;
  let best = whole;
  for (const candidate of await candidates(store, model, options)) {
    const form = await patchForm(store, model, candidate);
    if (form && bytesOf(form) < bytesOf(best)) best = form;
  }
  return bytesOf(whole) - bytesOf(best) >= leastSaved ? best : whole;
}

/** Bytes of the values that are to be written. */
export function bytesOf({ values }: BlobForm, from = 0): number {
  return (values ?? []).slice(from).reduce((sum, { length }) => sum + length, 0);
}

/** What the store's value says of the form in which it has a blob; undefined: it has nothing of it. */
async function storedBase(store: KvStore, version: string): Promise<string | null | undefined> {
  const first = await store.bytes(blobKey(version));
  if (first === null) return undefined;
  return isPatch(first) ? unlessDamaged(() => readPatchHeader(first).base) : null;
}

/** The versions that a new one may be a patch of: whole, and whose manifest says that they are there. */
async function candidates(store: KvStore, { version }: UploadedModel, options: FormOptions): Promise<Set<string>> {
  const { registry, name } = options;
  const [newest] = (await unlessDamaged(() => registry.history(name))) ?? [];
  const serving = await unlessDamaged(() => registry.pointer(name));
  const found = new Set<string>();
  for (const one of [newest, serving]) {
    const manifest = one && (await readableManifest(store, one.version));
    if (manifest) found.add(manifest.base ?? one.version);
  }
  found.delete(version);
  return found;
}

/** The form of a patch of `base`; null where it cannot be one. */
async function patchForm(store: KvStore, { version, blob }: UploadedModel, base: string): Promise<BlobForm | null> {
  if (!(await isBase(store, base))) return null;
  const stored = await unlessDamaged(() => storedBlob(store, base));
  const patch = stored && stored.base === null && writePatch(stored.bytes, base, blob);
  return patch ? { base, keys: [blobKey(version)], values: [patch] } : null;
}

/** Whether a version may be a base: its manifest says that it is there, and no patch. */
export async function isBase(store: KvStore, version: string): Promise<boolean> {
  return (await readableManifest(store, version))?.base === null;
}

async function unlessDamaged<T>(read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
