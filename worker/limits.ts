// Every limit of the Worker, each with its reason. Worst case together, in an isolate of 128 MB: two models while one
// replaces the other, the page cache, and one request's body, entries and pages.

/** Bytes of a request body. 10,000 records of 40 fields are about 6 MB of JSON. */
export const MAX_BODY_BYTES = 8 * 2 ** 20;

/**
 * Objects and lists of a body, told by their opening brackets. A body of empty objects takes 64 bytes of memory for 3
 * of text, 172 MB for 8 MiB; 10,000 records with a dozen lists each are just within.
 */
export const MAX_BODY_BRACKETS = 2 ** 17;

/** Records of a request. More should be several requests: each then runs in its own CPU budget. */
export const MAX_RECORDS = 10_000;

/** Encoded values of a request: 12 bytes each, so at most 18 MiB while their arrays grow. */
export const MAX_ENTRIES_PER_REQUEST = 2 ** 20;

/** Pages of one bulk read: the keys that Workers KV allows. */
export const PAGES_PER_READ = 100;

/** Pages that a request may read, in ten bulk reads. Caps its price ($0.50 per million keys) and, at 16 KiB, its 16 MB. */
export const MAX_PAGES_PER_REQUEST = 1000;

/** Milliseconds that a request waits for rows where no setting says so. KV's hot keys take 0.5 to 10 ms. */
export const DEFAULT_ROW_DEADLINE_MS = 150;

/** Memory for cached pages; at the default 16 KiB a page about a thousand pages. */
export const PAGE_CACHE_BYTES = 32 * 2 ** 20;

/**
 * A page that was missing or broken is asked for again after this long, ms: KV remembers an absent key for at least 30 s,
 * and a request that cannot be helped should not pay for a key.
 */
export const PAGE_RETRY_MS = 30_000;

/** How many such pages are remembered. */
export const MAX_PAGES_REMEMBERED = 10_000;

/** The pointer is read again, in the background, when it is older than this, ms: KV caches it as long anyway. */
export const POINTER_MAX_AGE_MS = 30_000;

/** Without a model, a failed load is tried again after this long, ms: not every request should read a broken blob. */
export const LOAD_RETRY_MS = 5_000;

/** A request waits this long for a load that another request began, ms; then that load counts as lost. */
export const LOAD_TIMEOUT_MS = 20_000;

/** The shortest cacheTtl that KV allows, s: for what may change or may be missing. */
export const KV_MIN_CACHE_SECONDS = 30;

/** cacheTtl of what is stored under the hash of its bytes, s. */
export const IMMUTABLE_CACHE_SECONDS = 86_400;
