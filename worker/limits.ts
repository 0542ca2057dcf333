// Every limit of the Worker, each with its reason.
import { MAX_DEADLINE_MS } from "../format/pointer.ts";

const MIB = 2 ** 20;

/**
 * Bytes of memory, and what they are for (memory/memory-budget.ts). Without them an isolate of 128 MB is ended by V8
 * while it serves. What they leave is for the program itself, and for garbage that V8 has yet to collect.
 */
export const MEMORY = {
  /** models + minRows + requests */
  total: 96 * MIB,
  /** WebAssembly memories of all models, those being loaded too: two blobs of 25 MiB, or more that are smaller. */
  models: 52 * MIB,
  /** Cached rows, when models take all of their share. */
  minRows: 8 * MIB,
  /** The most for cached rows: some 700,000 int8 rows of 16 numbers. */
  maxRows: 32 * MIB,
  /** All requests together: their bodies, what is parsed of them, encoded records, pages that are being read. */
  requests: 36 * MIB,
  /** One request. The 8 MiB that it leaves are for small requests, so that large ones do not keep them out. */
  oneRequest: 28 * MIB,
  /** The most that a small request takes. Ranking 500 candidates of 40 fields takes less. */
  smallRequest: 1 * MIB,
} as const;

/**
 * Milliseconds after which the memory of a request may be taken for another: longer than a request that waits for its
 * body and its rows as long as it may.
 */
export const REQUEST_LEASE_MS = 90_000;

/** Milliseconds after which a client that there was no memory for is to try again: most requests take less. */
export const OVERLOAD_RETRY_MS = 1_000;

/** Bytes of a request body, once it is decompressed. 10,000 records of 40 fields are about 6 MB of JSON. */
export const MAX_BODY_BYTES = 8 * MIB;

/** Milliseconds in which a body must arrive: the largest at 7 Mbit/s. Until then it holds memory. */
export const BODY_TIMEOUT_MS = 10_000;

/** Milliseconds after which the memory of a body that is still arriving may be taken for another request. */
export const BODY_LEASE_MS = BODY_TIMEOUT_MS + 1_000;

/**
 * Bytes of JSON that are parsed at a time: a part of a list, so many elements as begin within them. Their text
 * and objects are garbage before the next part is parsed.
 */
export const JSON_PART_BYTES = 16 * 2 ** 10;

/**
 * Bytes of an element of a list, such as a record, or of another member of the body. A record of 4,096 values, the
 * most that one may have, has 64 for each.
 */
export const MAX_ELEMENT_BYTES = 256 * 2 ** 10;

/**
 * Bytes of memory that a byte of JSON takes at most while it is parsed: 29 for nested lists in V8 15, 22 for empty
 * objects, 27 for objects with a name each, 15 for numbers.
 */
export const JSON_MEMORY_FACTOR = 32;

/** Errors that an answer lists. Who gets a hundred of one kind knows what the others are. */
export const MAX_ERRORS = 100;

/** Records of a request. A client with more should send several requests, each of which has a CPU budget of its own. */
export const MAX_RECORDS = 10_000;

/** Records of a request that are explained: more than anybody reads, and an answer of some 500 KB. */
export const MAX_EXPLAINED_RECORDS = 100;

/** Golden records of a model that an admin is shown as examples: enough to try it, in an answer of some kilobytes. */
export const MAX_EXAMPLES = 8;

/**
 * Terms of all explanations of a request, one for each field and each pair of fields: those of a record of 256 fields,
 * the most that a spec may have.
 */
export const MAX_EXPLAINED_TERMS = 32_896;

/**
 * Encoded values of a request, and its cells, records × fields, each of which has room for a value before anything is
 * encoded. A value takes 16 bytes and a cell 4.
 */
export const MAX_ENTRIES_PER_REQUEST = 2 ** 20;

/**
 * Pages that a request may want, cached or not: so many that no cache holds them. A request of unseen values may name a
 * million.
 */
export const MAX_PAGES_WANTED = 2 ** 14;

/**
 * Row keys of a request whose rows are kept when pages come, at most: more than the default of keys from the source can
 * bring for one request, and 1 MiB of memory.
 */
export const MAX_ROWS_KEPT = 2 ** 16;

/** Bytes of memory for one bulk read. */
export const READ_BYTES = 20 * MIB;

/**
 * Bytes of pages that are worked on at a time, or one page, while an isolate is young: some milliseconds. Clocks of
 * deployed Workers stand still while code computes, so that the time itself cannot be measured.
 */
export const PAGE_SLICE_BYTES = 16 * 2 ** 10;

/** Bytes of pages after which an isolate's code for them is compiled: the work is four times as quick then. */
export const SLICED_PAGE_BYTES = 512 * 2 ** 10;

/** Pages of one bulk read: the keys that Workers KV allows. */
export const PAGES_PER_READ = 100;

/** Pages that a request may read where no setting says so. */
export { DEFAULT_ROW_KEYS_PER_REQUEST } from "../runtime/rows/row-keys.ts";

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
 * Milliseconds after which a read is given up, whoever waits for it, and its memory is for others: requests join it
 * until it counts as lost, and then wait for as long again.
 */
export const READ_GIVEN_UP_MS = 5_000;

/**
 * Milliseconds that a request waits for rows where no setting says so. KV's hot keys take 0.5 to 10 ms, its 99th
 * percentile some hundreds.
 */
export const DEFAULT_ROW_DEADLINE_MS = 150;

/** The longest such time that a setting may state, as a model's pointer may. */
export const MAX_ROW_DEADLINE_MS = MAX_DEADLINE_MS;

/**
 * Milliseconds until a page that was missing or broken is asked for again. KV remembers for at least 30 s that a key is
 * absent, and a request that cannot be helped should not pay for a key.
 */
export const PAGE_RETRY_MS = 30_000;

/** How many pages that were missing or broken are remembered. */
export const MAX_PAGES_REMEMBERED = 10_000;

/** Milliseconds until a pointer is read again, in the background. KV caches it for as long anyway. */
export const POINTER_MAX_AGE_MS = 30_000;

/**
 * Milliseconds until a failed load is tried again where no model serves: not every request should read a broken blob.
 */
export const LOAD_RETRY_MS = 5_000;

/**
 * Milliseconds that a request waits for a load, perhaps one that another request began. The load goes on after that,
 * and the client is told to come again.
 */
export const LOAD_WAIT_MS = 3_000;

/** Milliseconds after which a load is given up, or counts as lost with the request that began it. */
export const LOAD_TIMEOUT_MS = 20_000;

/** Milliseconds after which the bundled model's asset is given up, so that the store's model is loaded. */
export const BUNDLED_TIMEOUT_MS = 5_000;

/**
 * Milliseconds in which the hottest pages of a version that replaces another must be there: as long as a read may take
 * before it counts as lost. No request waits for it, as the version before serves.
 */
export const WARM_TIMEOUT_MS = READ_LOST_MS;

/**
 * Milliseconds that a request which allows the default model waits for the one that it names: as long as it might wait
 * for rows. The load goes on.
 */
export const FALLBACK_WAIT_MS = DEFAULT_ROW_DEADLINE_MS;

/**
 * Milliseconds without a request after which a model may make room for another. Models that take turns, and do not fit
 * together, would otherwise cost a load a request.
 */
export const MODEL_IDLE_MS = 30_000;

/** How many names of models, and versions of them, an isolate remembers, whether there is such a model or not. */
export const MAX_MODELS_REMEMBERED = 1000;

/** Bytes of a pointer at most: it has two versions, a time and a deadline, and that of earlier publishers a name. */
export const MAX_POINTER_BYTES = 4096;

/** Of how many versions an isolate remembers how its pages lie in R2. More are never in memory at a time. */
export const MAX_PACKS_REMEMBERED = 100;

/** Seconds: the shortest cacheTtl that KV allows, for what may change or may be missing. */
export const KV_MIN_CACHE_SECONDS = 30;

/** Seconds: the cacheTtl of what is stored under the hash of its bytes. */
export const IMMUTABLE_CACHE_SECONDS = 86_400;

/**
 * Pages of a bulk read that are looked for in the location's cache, one operation each; the others are read from the
 * source at once. The Free plan allows 50 operations a request.
 */
export const LOCATION_CACHE_PAGES = 40;

/** Look-ups in the location's cache at a time: an invocation has six connections, and the source needs one too. */
export const LOCATION_CACHE_CONNECTIONS = 4;

/**
 * The share of a request's deadline that these look-ups may take together: 19 ms of the default. Pages that were not
 * found by then are read from the source.
 */
export const LOCATION_CACHE_TIME = 1 / 8;

/** Pages that are on their way into the location's cache, at most. Others are left for the next isolate. */
export const LOCATION_CACHE_PUTS = 64;

/** How many faults of settings are remembered, so that the log has each once. There is one mostly, or none. */
export const MAX_SETTINGS_LOGGED = 100;

/** Milliseconds until the pointer to experiments is read again, in the background. KV caches it for as long anyway. */
export const EXPERIMENTS_REFRESH_MS = KV_MIN_CACHE_SECONDS * 1000;

/**
 * Milliseconds after which a request waits for that, as an isolate without requests reads nothing. With KV's cache, an
 * experiment that is stopped is seen within 90 s.
 */
export const EXPERIMENTS_MAX_AGE_MS = 60_000;

/** Milliseconds that such a request waits at most. Then the last payload serves on, or none. */
export const EXPERIMENTS_WAIT_MS = DEFAULT_ROW_DEADLINE_MS;

/** Milliseconds after which reading a payload is given up, or counts as lost with the request that began it. */
export const EXPERIMENTS_LOST_MS = 5_000;

/** Bytes of memory that a byte of a payload takes while it is read: its text, its values, and the checked ones. */
export const PAYLOAD_MEMORY_FACTOR = 16;

/** Series of counted assignments: some dozen experiments of a few arms, each served or not for one of some reasons. */
export const MAX_ASSIGNMENT_SERIES = 200;

/** Bytes of a list of a page that is re-ranked, and of all that its parser may hold back: 20 KB an item of 50. */
export const MAX_RERANK_LIST_BYTES = 1 * MIB;

/** Bytes of a JSON document whose lists are re-ranked: it is held until the last one is in order. */
export const MAX_RERANK_JSON_BYTES = 2 * MIB;

/** Items of a list that is re-ranked: more than a page shows. */
export const MAX_RERANK_ITEMS = 1000;

/** Milliseconds that a list waits for its order where its route does not say: twice what it waits for rows. */
export const DEFAULT_RERANK_BUDGET_MS = 2 * DEFAULT_ROW_DEADLINE_MS;

/**
 * Milliseconds that a request waits for what decides how its lists are arranged, before the origin is asked: more than
 * it waits for experiments, so that with a source that hangs the last payload still assigns.
 */
export const RERANK_BEGIN_MS = EXPERIMENTS_WAIT_MS + 50;

/**
 * Milliseconds after a part of an origin's answer, and after what a list may wait, for which the memory of what is held
 * of it is not another's: a visitor who leaves takes the end of a document with it, as the runtime then stops all.
 */
export const RERANK_LEASE_MS = 5_000;

/** Bytes of an origin's answer that are read at a time. */
export const RERANK_PART_BYTES = 16 * 2 ** 10;

/**
 * Bytes that are read from the parser at a time within a list, where it gives out some bytes for each tag. With a read
 * for each, a page of 50 items took 2.8 times the processor time of a parser that does nothing, instead of 1.6 times.
 */
export const RERANK_READ_BYTES = 16 * 2 ** 10;

/**
 * Milliseconds between the last bytes of an answer that the origin broke off and its end: to end it drops what the
 * runtime has taken and not yet sent, which was up to 1.8 KB of what the visitor would have got without the Worker.
 */
export const BREAK_OFF_MS = 10;
