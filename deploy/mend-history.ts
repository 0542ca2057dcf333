import { FormatError } from "../format/errors.ts";
import { type History, MAX_HISTORY } from "../format/history.ts";
import { readPublishedManifest } from "../format/published-manifest.ts";
import { manifestKey } from "../format/store.ts";
import { type KvStore, textsOf } from "./kv/kv-store.ts";

/** Manifests that are read at once: one of a million pages has 22 MB. */
const AT_ONCE = 8;

/**
 * The history of a model by the manifests that a store has of it, `first` versions first: those that its pointer names,
 * also where another model has them too, whose name the manifest has then. When a version was published, its metrics
 * and its note are lost: its time is `now`, so that `prune` takes it for a new one.
 */
export async function historyFromManifests(
  store: KvStore,
  model: string,
  first: readonly string[],
  now: number,
): Promise<History> {
  const prefix = manifestKey("");
  const versions = [...(await store.keys(prefix))].map((key) => key.slice(prefix.length)).sort();
  const found = new Map<string, number>();
  for (let i = 0; i < versions.length; i += AT_ONCE) {
    const some = versions.slice(i, i + AT_ONCE);
    const texts = await textsOf(store, some.map(manifestKey));
    for (const version of some) {
      const bytes = bytesOf(texts.get(manifestKey(version)) ?? "", version, first.includes(version) ? null : model);
      if (bytes !== null) found.set(version, bytes);
    }
  }
  const ordered = [...first.filter((version) => found.has(version)), ...found.keys()];
  return [...new Set(ordered)].slice(0, MAX_HISTORY).map((version) => ({
    ...{ version, time: now, metrics: {}, bytes: found.get(version) ?? 0 },
    note: "found by publish --repair, which does not know when it was published",
  }));
}

/** The bytes of a version's blob, where the text is a manifest of this model, or for null of any; null otherwise. */
function bytesOf(text: string, version: string, model: string | null): number | null {
  try {
    const manifest = readPublishedManifest(text, version);
    return model === null || manifest.model === model ? manifest.bytes : null;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
