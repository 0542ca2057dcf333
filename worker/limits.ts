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
 * Pages that a request may read where no setting says so. It caps the price of a request: 32 keys are $16 per million
 * requests. Most requests read one key or none.
 */
export const DEFAULT_ROW_KEYS_PER_REQUEST = 32;

/**
 * The most that the setting may allow, in ten bulk reads: the operations that Workers allow an invocation and, at 16
 * KiB a page, 16 MB of memory.
 */
export const MAX_ROW_KEYS_PER_REQUEST = 1000;

/** Keys that count as one towards a client's rate limit: a binding counts calls, and a usual request reads 1 to 3. */
export const KEYS_PER_CHARGE = 8;

/** Seconds of the rate limit's period in wrangler.toml, and what a client that exceeds it is told to wait. */
export const RATE_LIMIT_SECONDS = 60;

/** Milliseconds that a request waits for the rate limit's answer. It is kept on the same machine, so it is quick. */
export const RATE_LIMIT_TIMEOUT_MS = 50;

/**
 * Milliseconds after which a read that another request began counts as lost: nobody waits for it any longer, and the
 * next request reads the page itself. KV's 99th percentile is some hundreds, in bad regions eight.
 */
export const READ_LOST_MS = 2_000;

/**
 * Milliseconds that a request waits for rows where no setting says so. KV's hot keys take 0.5 to 10 ms, its 99th
 * percentile some hundreds.
 */
export const DEFAULT_ROW_DEADLINE_MS = 150;

/** The longest such time that a setting may state. No client waits longer for a score. */
export const MAX_ROW_DEADLINE_MS = 60_000;

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

/** How many faults of settings are remembered, so that the log has each once. There is one mostly, or none. */
export const MAX_SETTINGS_LOGGED = 100;
