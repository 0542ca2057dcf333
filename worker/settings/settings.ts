import type { TokenEntry } from "../../format/tokens.ts";
import type { AccessMode } from "../access/caller.ts";
import type { ExperimentValues, ExperimentVariables } from "../experiments/experiment-values.ts";
import type { LineSink } from "../exposures/line-sink.ts";
import type { AnalyticsDataset } from "../metrics/handled.ts";
import type { BundledBlob } from "../models/bundled.ts";
import type { RateLimiter } from "../rows/key-allowance.ts";
import type { Source } from "../source/source.ts";
import type { WorkerVersion } from "../worker-version.ts";

/** How an app finds in its environment what it needs. */
export interface Settings<Bindings extends object> {
  /** Where models and pages are read from. Default: the KV namespace bound as MODELS, by PAGE_CACHE. */
  source: (env: Bindings) => Source;
  /** Whether a request needs a token; absent: it does if there are tokens. Default: AUTH. */
  auth: (env: Bindings) => AccessMode | undefined;
  /** Entries of the tokens that have access, as text; none without it. Default: TOKENS. */
  tokens: (env: Bindings) => string | undefined;
  /** Public keys, one of which must have signed a model, as text; without any, every model may. Default: MODEL_KEYS. */
  keys: (env: Bindings) => string | undefined;
  /** The least serial numbers of signed models, as text; none without it. Default: MODEL_MIN_SERIAL. */
  minSerials: (env: Bindings) => string | undefined;
  /** The model that was deployed with the Worker; null: none. Default: bundled/model.blob of ASSETS, if any. */
  bundled: (env: Bindings) => BundledBlob | null;
  /** Milliseconds that a request waits for rows. Default: ROW_DEADLINE_MS, or DEFAULT_ROW_DEADLINE_MS. */
  rowDeadlineMs: (env: Bindings) => number;
  /** Keys of rows that a request may read. Default: ROW_KEYS_PER_REQUEST, or DEFAULT_ROW_KEYS_PER_REQUEST. */
  rowKeysPerRequest: (env: Bindings) => number;
  /** Limits the keys that a client may read; null: nothing does. Default: the binding ROW_RATE_LIMIT. */
  rowRateLimit: (env: Bindings) => RateLimiter | null;
  /** Limits the scoring requests of a client; null: nothing does. Default: the binding REQUEST_RATE_LIMIT, if any. */
  requestRateLimit: (env: Bindings) => RateLimiter | null;
  /** Origins whose pages may call the Worker from a browser, or "*". Default: ALLOWED_ORIGINS, or none. */
  allowedOrigins: (env: Bindings) => readonly string[];
  /** Whether GET / is the playground. Default: PLAYGROUND, or true. */
  playground: (env: Bindings) => boolean;
  /** Which version of the Worker runs, for logs and metrics; null: that is not known. Default: WORKER_VERSION. */
  workerVersion: (env: Bindings) => WorkerVersion | null;
  /** Gets a data point for each scoring request; null: nothing does. Default: the binding ANALYTICS, if any. */
  analytics: (env: Bindings) => AnalyticsDataset | null;
  /** The settings of experiments, by the names of their variables. Default: those of the environment. */
  experiments: (env: Bindings) => ExperimentVariables;
  /**
   * Where exposures go; null: they are dropped and counted. Default: EXPOSURE_PIPELINE, or else the queue EXPOSURES, or
   * else LINE_COLLECTOR.
   */
  exposureSink: (env: Bindings) => LineSink | null;
  /** Where events go; null: they are refused. Default: EVENT_PIPELINE, or else EXPOSURES, or else LINE_COLLECTOR. */
  eventSink: (env: Bindings) => LineSink | null;
  /** Limits the events of one request; null: nothing does. Default: the binding EVENT_RATE_LIMIT, if any. */
  eventRateLimit: (env: Bindings) => RateLimiter | null;
  /** Gets counts of lines that were sent and dropped; null: nothing does. Default: EXPOSURE_COUNTS, if any. */
  countDataset: (env: Bindings) => AnalyticsDataset | null;
  /** Secrets that sign request ids, cookies and previews, as text; none without it. Default: EXPERIMENT_SECRETS. */
  secrets: (env: Bindings) => string | undefined;
}

/** The settings as they were found, each checked. */
export interface SettingValues {
  source: Source;
  auth: AccessMode;
  tokens: readonly TokenEntry[];
  keys: string;
  leastSerials: ReadonlyMap<string, number>;
  bundled: BundledBlob | null;
  rowDeadlineMs: number;
  rowKeysPerRequest: number;
  rowRateLimit: RateLimiter | null;
  requestRateLimit: RateLimiter | null;
  allowedOrigins: readonly string[];
  playground: boolean;
  workerVersion: WorkerVersion | null;
  analytics: AnalyticsDataset | null;
  experiments: ExperimentValues;
}
