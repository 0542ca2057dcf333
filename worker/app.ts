import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import type { AppEnv } from "./app-env.ts";
import * as problem from "./http/problem.ts";
import type { KernelModule } from "./models/kernel-modules.ts";
import { ModelStore } from "./models/model-slot.ts";
import { healthRoute, readyRoute } from "./routes/health.ts";
import { modelsRoute } from "./routes/models.ts";
import { rankRoute } from "./routes/rank.ts";
import { scoreRoute } from "./routes/score.ts";
import { RowStore } from "./rows/row-store.ts";

export interface AppOptions {
  kernel: KernelModule;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** The HTTP application, with a model store and a page cache of its own: an isolate has one. */
export function createApp({ kernel, now }: AppOptions): Hono<AppEnv> {
  const models = new ModelStore(kernel, now);
  const rows = new RowStore(now);
  const app = new Hono<AppEnv>();

  app.use(requestId());
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, allowed) => {
        c.header("allow", allowed.join(", "));
        return problem.respond(c, problem.methodNotAllowed(c.req.method, allowed));
      },
    }),
  );
  app.post("/v1/score", scoreRoute({ models, rows }));
  app.post("/v1/rank", rankRoute({ models, rows }));
  app.get("/v1/models", modelsRoute({ models }));
  app.get("/healthz", healthRoute);
  app.get("/readyz", readyRoute({ models }));

  app.notFound((c) => problem.respond(c, problem.notFound(c.req.path)));
  app.onError((error, c) => problem.respond(c, problem.toProblem(error), error));
  return app;
}
