import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-env.ts";

/**
 * What no answer is: a page, a script, or anything that a cache should keep. A route whose answer is one of these sets
 * its own header. Transport security (HSTS) is the zone's to decide.
 */
export const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

export const securityHeaders: MiddlewareHandler<AppEnv> = function securityHeaders(c, next) {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
  return next();
};
