import { exports, WorkerEntrypoint } from "cloudflare:workers";
import { createApp } from "../../../worker/app.ts";
import type { OriginSetting } from "../../../worker/rerank/rerank-bindings.ts";
import { type TestBindings, testBindings } from "../client.ts";

let app = createApp<TestBindings>();
let bindings: TestBindings = {};

/** Starts a Worker as in a new isolate, in front of the origin that `originAnswers` speaks for. */
export function startInFront(routes: unknown, overrides: TestBindings = {}): void {
  app = createApp<TestBindings>();
  const origin = exports.OriginWorker as OriginSetting;
  bindings = { ...testBindings({}), RERANK_ROUTES: routes, ORIGIN: origin, ...overrides };
}

/** The Worker in front of the origin, with which visitors speak as over any service binding. */
export class FrontWorker extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    return app.fetch(request, bindings, this.ctx);
  }
}

export function visit(path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(`https://shop.example${path}`, { redirect: "manual", ...init });
  return (exports.FrontWorker as Fetcher).fetch(request);
}

/** What the origin itself answers. */
export function visitOrigin(path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(`https://shop.example${path}`, { redirect: "manual", ...init });
  return (exports.OriginWorker as Fetcher).fetch(request);
}
