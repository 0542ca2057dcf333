import { Hono } from "hono";
import { createApp } from "../../worker/app.ts";
import { assetsSource } from "../../worker/source/assets-source.ts";
import { kvSource } from "../../worker/source/kv-source.ts";
import { r2Source } from "../../worker/source/r2-source.ts";
import type { Source } from "../../worker/source/source.ts";

/** The bindings of the test's configuration. */
interface Bindings {
  ASSETS: Fetcher;
  BUCKET: R2Bucket;
  MODELS: KVNamespace;
}

/** Each source of models serves under a path of its own; what is sent to `/bucket/` is put into R2. */
const sources: Record<string, (env: Bindings) => Source> = {
  assets: ({ ASSETS }) => assetsSource(ASSETS, "models/"),
  r2: ({ BUCKET }) => r2Source(BUCKET),
  kv: ({ MODELS }) => kvSource(MODELS),
};

const app = new Hono<{ Bindings: Bindings }>();
app.put("/bucket/*", async (c) => {
  await c.env.BUCKET.put(c.req.path.slice("/bucket/".length), await c.req.arrayBuffer());
  return c.text("stored");
});
for (const [name, source] of Object.entries(sources))
  app.route(`/${name}`, createApp<Bindings>({ source, auth: () => "off", rowDeadlineMs: () => 30_000 }));

export default app;
