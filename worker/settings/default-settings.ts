import type { AccessMode } from "../access/caller.ts";
import type { ExperimentVariables } from "../experiments/experiment-values.ts";
import { collectorSink } from "../exposures/collector-sink.ts";
import type { LineSink } from "../exposures/line-sink.ts";
import { type PipelineBinding, pipelineSink } from "../exposures/pipeline-sink.ts";
import { type QueueProducer, queueSink } from "../exposures/queue-sink.ts";
import { SettingError } from "../http/errors.ts";
import * as limits from "../limits.ts";
import type { AnalyticsDataset } from "../metrics/handled.ts";
import { type AssetFetcher, assetBlob } from "../models/bundled.ts";
import type { RerankBindings } from "../rerank/rerank-bindings.ts";
import type { RateLimiter } from "../rows/key-allowance.ts";
import { type KVReader, kvSource } from "../source/kv-source.ts";
import { locationCache } from "../source/location-cache.ts";
import type { WorkerVersion } from "../worker-version.ts";
import { bindingOf } from "./bindings.ts";
import { kindOf, numberWithin, readSwitch, readText } from "./checks.ts";
import type { Settings } from "./settings.ts";

/** The bindings and variables that an app reads unless its options say otherwise. */
export interface DefaultBindings extends ExperimentVariables, RerankBindings {
  MODELS: KVReader;
  /** Who may score: "tokens" needs a token of TOKENS, "off" needs none. One of the two settings must be there. */
  AUTH?: string;
  /** A secret: entries of tokens as `deepfm-edge token` prints them, with spaces, commas or line ends between. */
  TOKENS?: string;
  /** Ed25519 public keys, base64 with spaces or commas between. Without any, every model may serve. */
  MODEL_KEYS?: string;
  /** `ads=1767225600000` for each model whose versions signed before that serial number may not serve any more. */
  MODEL_MIN_SERIAL?: string;
  /** Static assets, which may hold a model that was deployed with the Worker (../models/bundled.ts). */
  ASSETS?: AssetFetcher;
  /** Milliseconds that a request waits for rows; as text where it was set in the dashboard. */
  ROW_DEADLINE_MS?: number | string;
  /** "on": pages are looked for in the cache of the location first, and put there. */
  PAGE_CACHE?: string;
  /** Keys of rows that a request may read. */
  ROW_KEYS_PER_REQUEST?: number | string;
  /** The rate limit of keys by client. */
  ROW_RATE_LIMIT?: RateLimiter;
  /** The rate limit of scoring requests by client. */
  REQUEST_RATE_LIMIT?: RateLimiter;
  /**
   * Origins whose pages may call the Worker, with spaces or commas between, or "*". Without any, no other origin may.
   */
  ALLOWED_ORIGINS?: string;
  /** "off": the playground is not there. */
  PLAYGROUND?: string;
  /** The version of the Worker: a binding of version metadata. */
  WORKER_VERSION?: WorkerVersion;
  /** A dataset of Workers Analytics Engine, which gets a point for each scoring request. */
  ANALYTICS?: AnalyticsDataset;
  /** A queue for lines of exposures and events, whose consumer writes them into R2. */
  EXPOSURES?: QueueProducer;
  /** A pipeline for exposures, in place of the queue. */
  EXPOSURE_PIPELINE?: PipelineBinding;
  /** A pipeline for events, in place of the queue. */
  EVENT_PIPELINE?: PipelineBinding;
  /** A URL of this machine, which gets lines where neither is bound: `deepfm-edge dev` sets it. */
  LINE_COLLECTOR?: string;
  /** The rate limit of events by request id. */
  EVENT_RATE_LIMIT?: RateLimiter;
  /** A dataset of Workers Analytics Engine, which gets counts of lines that were sent and dropped. */
  EXPOSURE_COUNTS?: AnalyticsDataset;
  /** A secret: what signs request ids, cookies and previews, with spaces between. The first signs, all are known. */
  EXPERIMENT_SECRETS?: string;
}

/** Reads the default bindings. */
export const DEFAULT_SETTINGS: Settings<Partial<DefaultBindings>> = {
  source({ MODELS, PAGE_CACHE = "" }) {
    if (typeof MODELS?.get !== "function")
      throw new SettingError(
        `MODELS: got ${kindOf(MODELS)}, expected a KV namespace, or createApp's option \`source\``,
      );
    const source = kvSource(MODELS);
    const isCached = readSwitch("PAGE_CACHE", PAGE_CACHE) === "on";
    return isCached ? { ...source, pageCache: locationCache(caches.default) } : source;
  },
  auth({ AUTH }) {
    return AUTH === "" ? undefined : (AUTH as AccessMode | undefined); // checked with those of options
  },
  tokens({ TOKENS }) {
    return readText("TOKENS", TOKENS);
  },
  keys({ MODEL_KEYS }) {
    return readText("MODEL_KEYS", MODEL_KEYS);
  },
  minSerials({ MODEL_MIN_SERIAL }) {
    return readText("MODEL_MIN_SERIAL", MODEL_MIN_SERIAL);
  },
  bundled(env) {
    const assets = bindingOf(env, "ASSETS");
    return assets && assetBlob(assets);
  },
  rowDeadlineMs({ ROW_DEADLINE_MS = limits.DEFAULT_ROW_DEADLINE_MS }) {
    return numberWithin("ROW_DEADLINE_MS", ROW_DEADLINE_MS, limits.MAX_ROW_DEADLINE_MS);
  },
  rowKeysPerRequest({ ROW_KEYS_PER_REQUEST = limits.DEFAULT_ROW_KEYS_PER_REQUEST }) {
    return numberWithin("ROW_KEYS_PER_REQUEST", ROW_KEYS_PER_REQUEST, limits.MAX_ROW_KEYS_PER_REQUEST);
  },
  rowRateLimit(env) {
    return bindingOf(env, "ROW_RATE_LIMIT");
  },
  requestRateLimit(env) {
    return bindingOf(env, "REQUEST_RATE_LIMIT");
  },
  allowedOrigins({ ALLOWED_ORIGINS }) {
    const origins = readText("ALLOWED_ORIGINS", ALLOWED_ORIGINS) ?? "";
    return origins.split(/[\s,]+/).filter((origin) => origin !== "");
  },
  playground({ PLAYGROUND = "" }) {
    return readSwitch("PLAYGROUND", PLAYGROUND) !== "off";
  },
  workerVersion({ WORKER_VERSION = null }) {
    return WORKER_VERSION;
  },
  analytics(env) {
    return bindingOf(env, "ANALYTICS");
  },
  experiments(env) {
    return env;
  },
  exposureSink(env) {
    return sinkOf(env, "EXPOSURE_PIPELINE");
  },
  eventSink(env) {
    return sinkOf(env, "EVENT_PIPELINE");
  },
  eventRateLimit(env) {
    return bindingOf(env, "EVENT_RATE_LIMIT");
  },
  countDataset(env) {
    return bindingOf(env, "EXPOSURE_COUNTS");
  },
  secrets({ EXPERIMENT_SECRETS }) {
    return readText("EXPERIMENT_SECRETS", EXPERIMENT_SECRETS);
  },
};

function sinkOf(env: Partial<DefaultBindings>, name: "EXPOSURE_PIPELINE" | "EVENT_PIPELINE"): LineSink | null {
  const pipeline = bindingOf(env, name);
  if (pipeline) return pipelineSink(pipeline);
  const queue = bindingOf(env, "EXPOSURES");
  if (queue) return queueSink(queue);
  const url = readText("LINE_COLLECTOR", env.LINE_COLLECTOR) ?? "";
  return url === "" ? null : collectorSink(url);
}
