import { neverChanges } from "../../format/store.ts";
import { IMMUTABLE_CACHE_SECONDS, KV_MIN_CACHE_SECONDS } from "../limits.ts";
import { checkSource } from "../settings/checks.ts";
import type { Source } from "./source.ts";

/** What is used of a Workers KV namespace. */
export interface KVReader {
  get(key: string, options: { type: "stream"; cacheTtl: number }): Promise<ReadableStream | null>;
  get(keys: string[], options: { type: "text"; cacheTtl: number }): Promise<Map<string, string | null>>;
}

/** A namespace of Workers KV, where `deepfm-edge publish` puts models. */
export function kvSource(kv: KVReader): Source {
  checkSource(kv, "get", "a KV namespace");
  const read = (key: string, cacheTtl: number): Promise<ReadableStream | null> =>
    kv.get(key, { type: "stream", cacheTtl });
  return {
    async stream(key, again = false) {
      if (again || !neverChanges(key)) return read(key, KV_MIN_CACHE_SECONDS);
      // KV may have cached the key's absence from before it was written; the short cacheTtl makes it look again.
      return (await read(key, IMMUTABLE_CACHE_SECONDS)) ?? (await read(key, KV_MIN_CACHE_SECONDS));
    },
    pages(keys, again) {
      return kv.get([...keys], { type: "text", cacheTtl: again ? KV_MIN_CACHE_SECONDS : IMMUTABLE_CACHE_SECONDS });
    },
  };
}
