import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import document from "../openapi.json" with { type: "json" };

/** GET /openapi.json: what the routes take and answer. Its server is where this app is, mounted or not. */
export function openApiRoute(c: Context<AppEnv>) {
  const { pathname } = new URL(".", c.req.url);
  const url = pathname.slice(0, -1) || "/";
  c.header("cache-control", "public, max-age=3600");
  return c.json({ ...document, servers: [{ url }] });
}
