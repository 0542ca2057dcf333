// Another Hono app, which has the scoring app under a path of its own and under bindings of its own.
import { createApp, type KVReader, kvSource } from "deepfm-edge/worker";
import { Hono } from "hono";

interface Bindings {
  CTR_MODELS: KVReader;
}

const app = new Hono<{ Bindings: Bindings }>();
app.get("/", (c) => c.text("the other app"));
app.route(
  "/ctr",
  createApp<Bindings>({
    source: ({ CTR_MODELS }) => kvSource(CTR_MODELS),
    auth: () => "off",
    rowDeadlineMs: () => 30_000,
  }),
);

export default app;
