import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import type { RouteOptions } from "../route-options.ts";

/** The default model, in the environment of a request. Throws ModelUnavailableError where there is none. */
export function currentModel(c: Context<AppEnv>, { models, settings }: RouteOptions): Promise<LoadedModel> {
  return models.current(settings.read(c.env), keepAliveOf(c));
}

export function keepAliveOf(c: Context<AppEnv>): KeepAlive {
  return (promise) => c.executionCtx.waitUntil(promise);
}
