import { FormatError } from "../format/errors.ts";
import { readPublishedManifest } from "../format/published-manifest.ts";
import { removalKey } from "../format/store.ts";
import { DigestSet } from "./digest-set.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";

/** What of a version a removal may delete yet that began before the version's upload did. */
export interface Endangered {
  pages: DigestSet;
  /** Whether the version itself is being removed, and so its blob. */
  blob: boolean;
}

/**
 * What of a version with these pages is noted as being removed, also by a removal that was stopped; null: nothing. A
 * removal asks for uploads before each of its deletions, so that one alone may come after an upload has begun.
 */
export async function endangeredOf(
  store: KvStore,
  version: string,
  pageDigests: Uint8Array,
): Promise<Endangered | null> {
  const prefix = removalKey("");
  const keys = await store.keys(prefix);
  if (keys.size === 0) return null;
  const wanted = new DigestSet();
  wanted.addAll(pageDigests);
  const pages = new DigestSet();
  let blob = false;
  for (const key of keys) {
    const removed = key.slice(prefix.length);
    blob ||= removed === version;
    pages.addShared(digestsOf((await textOf(store, key)) ?? "", removed) ?? pageDigests, wanted);
  }
  return blob || pages.size > 0 ? { pages, blob } : null;
}

/** The pages of a version that is being removed; null where the note of it is damaged. */
function digestsOf(text: string, version: string): Uint8Array | null {
  try {
    return readPublishedManifest(text, version, removalKey(version)).pageDigests;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
