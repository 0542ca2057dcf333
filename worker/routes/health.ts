import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import type { ModelStore } from "../models/model-slot.ts";

/** GET /healthz: the Worker runs. */
export function healthRoute(c: Context<AppEnv>): Response {
  return c.json({ status: "ok" });
}

/** GET /readyz: a model is loaded, or could be now. */
export function readyRoute(options: { models: ModelStore }) {
  return async function ready(c: Context<AppEnv>): Promise<Response> {
    const keepAlive = (promise: Promise<unknown>): void => c.executionCtx.waitUntil(promise);
    const { hash } = await options.models.current(c.env, keepAlive);
    return c.json({ status: "ready", model: hash });
  };
}
