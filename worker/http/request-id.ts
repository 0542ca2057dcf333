import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-env.ts";

/** The header by which a client names its request, and is told what the log calls it. */
export const REQUEST_ID = "x-request-id";

const MAX_LENGTH = 255;
const UNFIT = /[^\w\-=]/;

/** The id that a request brings, if that fits into headers and lines of the log; else a new one. */
export function requestIdOf({ headers }: Request): string {
  const given = headers.get(REQUEST_ID);
  return given && given.length <= MAX_LENGTH && !UNFIT.test(given) ? given : crypto.randomUUID();
}

export const requestId: MiddlewareHandler<AppEnv> = function requestId(c, next) {
  const id = requestIdOf(c.req.raw);
  c.set("requestId", id);
  c.header(REQUEST_ID, id);
  return next();
};
