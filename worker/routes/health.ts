import type { Context } from "hono";
import type { AppEnv, RouteOptions } from "../app-env.ts";
import { currentModel } from "./current-model.ts";

/** GET /healthz: the Worker runs. */
export function healthRoute(c: Context<AppEnv>): Response {
  return c.json({ status: "ok" });
}

/** GET /readyz: a model is loaded, or could be now. */
export function readyRoute(options: RouteOptions) {
  return async function ready(c: Context<AppEnv>): Promise<Response> {
    const { model, version } = await currentModel(c, options);
    return c.json({ status: "ready", model, version });
  };
}
