import { FormatError } from "../format/errors.ts";
import { readPublishedManifest } from "../format/published-manifest.ts";
import { manifestKey } from "../format/store.ts";
import { DigestSet } from "./digest-set.ts";
import { type KvStore, textsOf } from "./kv/kv-store.ts";
import type { ModelEntry } from "./registry.ts";

/** Manifests that are read at once: one of a million pages has 22 MB. */
const AT_ONCE = 4;

/** What is known to be in a store. */
export interface KnownValues {
  pages: DigestSet;
  /** Whether the version's own manifest is there, and so its blob. */
  hasManifest: boolean;
}

/**
 * Which of the pages with these digests a store has, by the manifests of all published versions: of the version
 * itself, of those that serve, and then of the histories, the newest first. A damaged manifest says nothing.
 */
export async function knownPages(
  store: KvStore,
  version: string,
  pageDigests: Uint8Array,
  models: readonly ModelEntry[],
): Promise<KnownValues> {
  const wanted = new DigestSet();
  wanted.addAll(pageDigests);
  const pages = new DigestSet();
  let hasManifest = false;
  const versions = [...new Set([version, ...versionsOf(models)])];
  for (let i = 0; i < versions.length; i += AT_ONCE) {
    const some = versions.slice(i, i + AT_ONCE);
    const texts = await textsOf(store, some.map(manifestKey));
    for (const one of some) {
      const digests = digestsOf(texts.get(manifestKey(one)) ?? "", one);
      if (digests === null) continue;
      pages.addShared(digests, wanted);
      hasManifest ||= one === version;
    }
    // The version itself is among the first, so that its manifest has been read.
    if (pages.size === wanted.size) break;
  }
  return { pages, hasManifest };
}

/** Versions of models, those first that are the likeliest to share pages with a new one. */
function versionsOf(models: readonly ModelEntry[]): string[] {
  const serving = models.flatMap(({ pointer }) => (pointer ? [pointer.version] : []));
  const published = models.flatMap(({ history }) => history).toSorted((a, b) => b.time - a.time);
  return [...serving, ...published.map(({ version }) => version)];
}

function digestsOf(text: string, version: string): Uint8Array | null {
  try {
    return readPublishedManifest(text, version).pageDigests;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
