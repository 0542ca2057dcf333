// The types of bindings import nothing, as those of the package's options lead here.

/** What is used of a service binding. */
export interface OriginFetcher {
  fetch(request: Request): Promise<Response>;
}

/** Where pages come from: a service, the base of a URL, or by default what is behind the Worker's own route. */
export type OriginSetting = OriginFetcher | string | undefined;

/** The bindings and variables of re-ranking. */
export interface RerankBindings {
  /** A list of routes, as JSON or as tables of wrangler.toml (../../format/rerank-routes.ts). */
  RERANK_ROUTES?: unknown;
  /** Where pages come from. */
  ORIGIN?: OriginSetting;
}
