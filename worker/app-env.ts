import type { RequestIdVariables } from "hono/request-id";

/** What every handler's context has: the bindings of wrangler.toml and the request's id. */
export interface AppEnv {
  Bindings: Env;
  Variables: RequestIdVariables;
}
