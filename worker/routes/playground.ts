import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import * as problem from "../http/problem.ts";
import page from "../playground.json" with { type: "json" };
import type { RouteOptions } from "../route-options.ts";

/**
 * GET /: the playground, unless a setting has it off. The page has no value of a model and no secret: what it shows, it
 * asks the other routes for, as its visitor. Its script and its style are known by their hashes, and nothing else runs.
 */
export function playgroundRoute({ settings }: RouteOptions) {
  return function playground(c: Context<AppEnv>): Response {
    if (!settings.read(c.env).playground) return problem.respond(c, problem.notFound(c.req.path));
    c.header("content-security-policy", page.contentSecurityPolicy);
    c.header("referrer-policy", "no-referrer");
    return c.html(page.html);
  };
}
