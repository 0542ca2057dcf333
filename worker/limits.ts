// Every limit of the Worker, each with its reason. Together, in the worst case, they stay within an isolate's 128 MB:
// two models while one replaces the other, the page cache, and one request's body, entries and pages.

/** Bytes of a request body. 10,000 records of 40 fields are about 6 MB of JSON. */
export const MAX_BODY_BYTES = 8 * 2 ** 20;

/**
 * Objects and lists of a body, counted by their opening brackets. A body of empty objects takes 64 bytes of memory for
 * 3 of text, 172 MB for 8 MiB; 10,000 records with a dozen lists each are just within the limit.
 */
export const MAX_BODY_BRACKETS = 2 ** 17;

/** Records of a request. A client with more should send several requests, each of which has a CPU budget of its own. */
export const MAX_RECORDS = 10_000;

/** Encoded values of a request. Each takes 12 bytes, so they take at most 18 MiB while their arrays grow. */
export const MAX_ENTRIES_PER_REQUEST = 2 ** 20;

/** Pages of one bulk read: the keys that Workers KV allows. */
export const PAGES_PER_READ = 100;

/**
 * Pages that a request may read, in ten bulk reads. It caps the price of a request ($0.50 per million keys) and, at 16
 * KiB a page, its memory to 16 MB.
 */
export const MAX_PAGES_PER_REQUEST = 1000;

/**
 * Milliseconds that a request waits for rows where no setting says so. KV's hot keys take 0.5 to 10 ms, its 99th
 * percentile some hundreds.
 */
export const DEFAULT_ROW_DEADLINE_MS = 150;

/** Bytes of memory for cached pages: about a thousand pages of the default 16 KiB, which count twice. */
export const PAGE_CACHE_BYTES = 32 * 2 ** 20;

/**
 * Milliseconds until a page that was missing or broken is asked for again. KV remembers for at least 30 s that a key is
 * absent, and a request that cannot be helped should not pay for a key.
 */
export const PAGE_RETRY_MS = 30_000;

/** How many pages that were missing or broken are remembered. */
export const MAX_PAGES_REMEMBERED = 10_000;

/** Milliseconds until the pointer is read again, in the background. KV caches it for as long anyway. */
export const POINTER_MAX_AGE_MS = 30_000;

/**
 * Milliseconds until a failed load is tried again where no model serves: not every request should read a broken blob.
 */
export const LOAD_RETRY_MS = 5_000;

/**
 * Milliseconds that a request waits for a load, perhaps one that another request began. After that the load counts as
 * lost.
 */
export const LOAD_TIMEOUT_MS = 20_000;

/** Seconds: the shortest cacheTtl that KV allows, for what may change or may be missing. */
export const KV_MIN_CACHE_SECONDS = 30;

/** Seconds: the cacheTtl of what is stored under the hash of its bytes. */
export const IMMUTABLE_CACHE_SECONDS = 86_400;
