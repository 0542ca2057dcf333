import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { AppEnv } from "../app-env.ts";
import type { RouteOptions } from "../route-options.ts";
import type { SettingsReader } from "../settings/settings-reader.ts";

/** Seconds that a browser may remember what a preflight was told: the most that Chromium takes. */
const MAX_AGE_SECONDS = 7_200;

const EXPOSED = ["retry-after", "server-timing", "x-request-id"];

/** Lets pages of the allowed origins call the routes from a browser (CORS). Without any, nothing is added. */
export function crossOrigin({ settings }: RouteOptions): MiddlewareHandler<AppEnv> {
  const allow = cors({
    origin: (origin, c) => allowed(originsOf(settings, c.env), origin),
    allowMethods: ["GET", "HEAD", "POST"],
    allowHeaders: ["authorization", "content-encoding", "content-type", "x-request-id"],
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_SECONDS,
  });
  return function crossOrigin(c, next) {
    return originsOf(settings, c.env).length > 0 ? allow(c, next) : next();
  };
}

/** The same for an answer to anything but a preflight: adds to `headers` those that it has for that. */
export function crossOriginHeaders(
  settings: SettingsReader,
  env: object,
  request: Request,
  headers: Record<string, string>,
): void {
  const origins = originsOf(settings, env);
  if (origins.length === 0) return;
  const origin = allowed(origins, request.headers.get("origin") ?? "");
  if (origin !== null) headers["access-control-allow-origin"] = origin;
  headers["access-control-expose-headers"] = EXPOSED.join(",");
  headers.vary = "Origin";
}

/** None where the settings are wrong, which the route will say. */
function originsOf(settings: SettingsReader, env: object): readonly string[] {
  return settings.readOrNull(env)?.allowedOrigins ?? [];
}

function allowed(origins: readonly string[], origin: string): string | null {
  return origins.includes("*") ? "*" : origins.includes(origin) ? origin : null;
}
