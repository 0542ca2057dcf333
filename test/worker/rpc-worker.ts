import { WorkerEntrypoint } from "cloudflare:workers";
import { createApp } from "../../worker/app.ts";
import { scoringEntrypoint } from "../../worker/rpc/scoring-entrypoint.ts";
import type { CallerProps, ScoringClass, ScoringService } from "../../worker/rpc/scoring-service.ts";
import type { AppOptions } from "../../worker/settings/app-options.ts";
import { type TestBindings, testBindings } from "./client.ts";

export type Method = "score" | "rank" | "explain";

const started: { Scoring: ScoringClass; bindings: TestBindings }[] = [];

/** Starts a Worker as in a new isolate. Returns the number by which `RpcWorker` calls it. */
export function startScoring(
  overrides: TestBindings,
  now = () => Date.parse("2026-01-01T00:00:00Z"),
  options: AppOptions<TestBindings> = {},
): number {
  const app = createApp<TestBindings>({ ...options, now });
  return started.push({ Scoring: scoringEntrypoint(app), bindings: testBindings(overrides) }) - 1;
}

/** Hands calls on to the Workers that tests have started. Arguments and answers cross as over any service binding. */
export class RpcWorker extends WorkerEntrypoint<Env, CallerProps> {
  call(number: number, method: Method, body: unknown): ReturnType<ScoringService[Method]> {
    const worker = started[number];
    if (!worker) throw new Error(`got ${number}, expected a Worker that was started`);
    return new worker.Scoring(this.ctx, worker.bindings)[method](body as never);
  }
}
