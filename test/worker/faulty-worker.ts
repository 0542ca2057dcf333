import { WorkerEntrypoint } from "cloudflare:workers";
import type { Hono } from "hono";
import { createApp } from "../../worker/app.ts";
import type { AppEnv } from "../../worker/app-env.ts";
import type { RateLimiter } from "../../worker/rows/key-allowance.ts";
import { kvSource } from "../../worker/source/kv-source.ts";
import type { Source } from "../../worker/source/source.ts";

/** What happens to a bulk read of pages: it is done, or it fails, or it takes as long as the promise. */
export type ReadFault = (read: () => Promise<unknown>) => Promise<unknown>;

/** How the next FaultyWorker behaves. */
interface Behavior {
  rowDeadlineMs: number;
  rowRateLimit: RateLimiter | null;
  /** By the number of a bulk read, from 0. Others are done. */
  faults: ReadFault[];
}

let app: Hono<AppEnv<Env>> | null = null;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Makes the Worker's isolate as good as new. Returns the keys of each bulk read from here on. */
export function restart({ rowDeadlineMs, rowRateLimit, faults }: Behavior): string[][] {
  const keysRead: string[][] = [];
  app = createApp<Env>({
    auth: () => "off",
    source: ({ MODELS }): Source => {
      const source = kvSource(MODELS);
      return {
        stream: (key) => source.stream(key),
        async pages(keys, ...how) {
          const number = keysRead.push([...keys]) - 1;
          const read = () => source.pages(keys, ...how);
          return (await (faults[number]?.(read) ?? read())) as Awaited<ReturnType<typeof read>>;
        },
      };
    },
    rowDeadlineMs: () => rowDeadlineMs,
    rowRateLimit: () => rowRateLimit,
    // For a clock that stands still, no read is so old that it cannot be joined, however slow the machine is.
    now: () => Date.parse("2026-01-01T00:00:00Z"),
  });
  return keysRead;
}

/** The Worker over KV, with faults where a test wants them. */
export class FaultyWorker extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    if (!app) throw new Error("restart() has not been called");
    return app.fetch(request, this.env, this.ctx);
  }
}
