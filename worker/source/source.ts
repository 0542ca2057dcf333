import type { KeepAlive } from "../http/keep-alive.ts";

/**
 * Where published models are read from, by the keys of format/store.ts. Workers KV is one source (kv-source.ts), and R2
 * and static assets are others.
 */
export interface Source {
  /**
   * The bytes under a key, or null where there are none. Those of `neverChanges` in format/store.ts never change, but
   * that damaged ones are written again. `again`: they were broken a while ago, so a cache must not answer.
   */
  stream(key: string, again?: boolean): Promise<ReadableStream | null>;
  /**
   * Reads row pages, at most PAGES_PER_READ of them, by their keys. One that is missing is null, absent or a
   * FormatError that says so, and one that could not be read now is what was thrown for it. Rejects where none could
   * be. `again`: some of them were missing or broken a while ago, so a cache must not answer. `which` says what they
   * are of.
   */
  pages(keys: readonly string[], again: boolean, which: WhichPages): Promise<PageContents>;
  /** Whether each version has pages of its own, so that what is wrong with one says nothing of another's. */
  readonly byVersion?: boolean;
  /** Where pages are looked for before that. */
  readonly pageCache?: PageCache;
}

/** Pages that the isolates of one location share, by their keys. What is not there, or late, is no error. */
export interface PageCache {
  /** The bytes of those pages that come within `ms` milliseconds. They are unchecked. Never rejects. */
  find(keys: readonly string[], ms: number, keepAlive: KeepAlive): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Has a copy of a page kept, in the place of what is there under its key. Never rejects. */
  keep(key: string, bytes: Uint8Array): Promise<void>;
}

/** What pages are of, for a source that has all pages of a version together. */
export interface WhichPages {
  /** 64 hex digits. */
  version: string;
  /** How many pages the version has. */
  pageCount: number;
  /** The pages' numbers, in the order of their keys. */
  numbers: readonly number[];
}

/** A page's bytes, or their base64 text, which is what Workers KV holds. */
export type PageContent = Uint8Array | string;

/** What a source has of pages, by their keys. */
export type PageContents = ReadonlyMap<string, PageContent | Error | null>;

/** Reads pages one by one, of a source that knows no bulk reads: one that fails takes no others with it. */
export async function contentsOf(
  keys: readonly string[],
  read: (key: string, i: number) => Promise<PageContent | null>,
): Promise<PageContents> {
  const results = await Promise.allSettled(keys.map(read));
  const failed = results.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  if (failed.length > 0 && failed.length === keys.length) throw failed[0];
  return new Map(results.map((one, i) => [keys[i] as string, one.status === "rejected" ? one.reason : one.value]));
}
