// deepfm-edge/worker: the HTTP application, for a bundler that makes modules of .wasm files, as wrangler does.
//
//   export default createApp();                 a Worker of its own, with the bindings of DefaultBindings
//   app.route("/ctr", createApp());             below a path of another Hono app
//   createApp<Env>({ source: (env) => kvSource(env.CTR_MODELS) })      with bindings of other names
//   export const Scoring = scoringEntrypoint(app);   beside it, for other Workers to bind as a service
//
// It answers nobody until it is decided who may score: see the options `auth` and `tokens`.

export type { AccessMode } from "../worker/access/caller.ts";
/** `AppType` is for Hono's typed client: hc<AppType>(url). */
export { type AppType, createApp } from "../worker/app.ts";
export type { AppEnv } from "../worker/app-env.ts";
export type { LineKind, LineSink } from "../worker/exposures/line-sink.ts";
export type { PipelineBinding } from "../worker/exposures/pipeline-sink.ts";
export type { QueueProducer } from "../worker/exposures/queue-sink.ts";
/** For the `queue` handler of a Worker: writes lines of exposures and events into R2. */
export { type LineBatch, type LineMessage, type ObjectWriter, storeBatch } from "../worker/exposures/store-batch.ts";
export type { AnalyticsDataset } from "../worker/metrics/handled.ts";
/** A model that was deployed with the Worker, for the option `bundled`. */
export { type AssetFetcher, assetBlob, type BundledBlob } from "../worker/models/bundled.ts";
export type { KernelModule } from "../worker/models/kernel-modules.ts";
export type { RateLimiter } from "../worker/rows/key-allowance.ts";
export { scoringEntrypoint } from "../worker/rpc/scoring-entrypoint.ts";
/** `ScoringService` is the type of a service binding in another Worker's environment. */
export type { CallerProps, RpcAnswer, ScoringClass, ScoringService } from "../worker/rpc/scoring-service.ts";
export type { AppOptions } from "../worker/settings/app-options.ts";
export type { DefaultBindings } from "../worker/settings/default-settings.ts";
export type { Settings } from "../worker/settings/settings.ts";
/** Models in static assets, where `deepfm-edge publish --folder` puts them. */
export { type AssetsFetcher, assetsSource } from "../worker/source/assets-source.ts";
/** Models in Workers KV, where `deepfm-edge publish` puts them. */
export { type KVReader, kvSource } from "../worker/source/kv-source.ts";
/** What a source of pages looks in first: the cache of the Cloudflare location, as `caches.default` is one. */
export { type CacheApi, locationCache } from "../worker/source/location-cache.ts";
/** Models in R2, as `deepfm-edge publish --folder DIR --packed` lays them out. */
export { type R2Reader, r2Source } from "../worker/source/r2-source.ts";
/** Anything else that holds published models can be one. */
export type { PageCache, PageContent, PageContents, Source, WhichPages } from "../worker/source/source.ts";
export type { WorkerVersion } from "../worker/worker-version.ts";
