/**
 * Where published models are read from, by the keys of format/store.ts. Workers KV is one source (kv-source.ts); a folder,
 * static assets or another Worker can be others.
 */
export interface Source {
  /** The bytes under a key, or null where there are none. Only the pointer's may differ from one call to the next. */
  stream(key: string): Promise<ReadableStream | null>;
  /**
   * Row pages by their keys, at most PAGES_PER_READ of them; a page that is missing is null or absent. `again`: some of them
   * were missing or broken a while ago, so what a cache remembers of them is not to be trusted.
   */
  pages(keys: readonly string[], again: boolean): Promise<ReadonlyMap<string, PageContent | null>>;
}

/** A page's bytes, or their base64 text, which is what Workers KV holds. */
export type PageContent = Uint8Array | string;
