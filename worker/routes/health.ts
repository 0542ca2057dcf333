import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import { ModelUnavailableError } from "../http/errors.ts";
import { errorText } from "../http/log.ts";
import * as problem from "../http/problem.ts";
import type { RouteOptions } from "../route-options.ts";
import { bindingFaults } from "../settings/bindings.ts";
import { currentModel, keepAliveOf } from "./current-model.ts";

/** GET /healthz: the Worker runs. */
export function healthRoute(c: Context<AppEnv>): Response {
  return c.json({ status: "ok" });
}

/**
 * GET /readyz: the default model is loaded, or could be now. Everyone sees whether, and whether scoring needs a token;
 * who may score also sees the model; the scope admin shows the settings, the memory and every model of this isolate,
 * and why one cannot be loaded.
 */
export function readyRoute(options: RouteOptions) {
  return async function ready(c: Context<AppEnv>): Promise<Response> {
    const { auth, tokens, rowDeadlineMs, rowKeysPerRequest, ...limits } = options.settings.read(c.env);
    const { scope } = c.var.caller;
    try {
      const { model, version } = await currentModel(c, options);
      const settings = {
        tokens: tokens.map(({ name, scope }) => ({ name, scope })),
        rowDeadlineMs,
        rowKeysPerRequest,
        rowRateLimit: limits.rowRateLimit ? "bound" : "none: a client's keys per minute are not limited",
        requestRateLimit: limits.requestRateLimit ? "bound" : "none: a client's requests per minute are not limited",
      };
      return c.json({
        ...{ status: "ready", auth },
        ...(scope !== null && { model, version }),
        ...(scope === "admin" && { settings, memory: options.memory.report(), ...modelsReport(options) }),
        ...(scope === "admin" && { experiments: await experimentsReport(options, c), problems: bindingFaults(c.env) }),
      });
    } catch (error) {
      if (scope !== "admin" || !(error instanceof ModelUnavailableError) || error.cause === undefined) throw error;
      return problem.respond(c, { ...problem.toProblem(error), cause: errorText(error.cause) });
    }
  };
}

/** What serves in this isolate under each name, and why the last load of one failed. */
function modelsReport({ models }: RouteOptions) {
  const report = models.status().map(({ reference, serving, failure }) => ({
    ...{ reference: reference ?? "default", model: serving?.model ?? null, version: serving?.version ?? null },
    ...(serving && {
      since: serving.since === null ? null : new Date(serving.since).toISOString(),
      memoryBytes: serving.memory.buffer.byteLength,
      deadlineMs: serving.deadlineMs,
      ...(serving.bundled && { bundled: true }),
    }),
    ...(failure && { problem: errorText(failure.cause ?? failure) }),
  }));
  return { models: report, loads: models.counters, fallbacks: models.fallbacks };
}

async function experimentsReport(
  { experiments, settings, logSettings }: RouteOptions,
  c: Context<AppEnv>,
): Promise<object> {
  const { since, ...status } = await experiments.status(
    { ...settings.read(c.env), logs: logSettings.read(c.env) },
    keepAliveOf(c),
  );
  return { ...status, since: since === null ? null : new Date(since).toISOString() };
}
