import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { AppEnv } from "../app-env.ts";
import type { RouteOptions } from "../route-options.ts";
import type { SettingsReader } from "../settings.ts";

/** Seconds that a browser may remember what a preflight was told: the most that Chromium takes. */
const MAX_AGE_SECONDS = 7_200;

/** Lets pages of the allowed origins call the routes from a browser (CORS). Without any, nothing is added. */
export function crossOrigin({ settings }: RouteOptions): MiddlewareHandler<AppEnv> {
  const allow = cors({
    origin: (origin, c) => allowed(originsOf(settings, c.env), origin),
    allowMethods: ["GET", "HEAD", "POST"],
    allowHeaders: ["authorization", "content-encoding", "content-type", "x-request-id"],
    exposeHeaders: ["retry-after", "server-timing", "x-request-id"],
    maxAge: MAX_AGE_SECONDS,
  });
  return function crossOrigin(c, next) {
    return originsOf(settings, c.env).length > 0 ? allow(c, next) : next();
  };
}

/** None where the settings are wrong, which the route will say. */
function originsOf(settings: SettingsReader, env: object): readonly string[] {
  return settings.readOrNull(env)?.allowedOrigins ?? [];
}

function allowed(origins: readonly string[], origin: string): string | null {
  return origins.includes("*") ? "*" : origins.includes(origin) ? origin : null;
}
