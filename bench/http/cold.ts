// Requests of isolates that have just loaded their model and have no page of rows, over Workers KV as slow as in
// production.
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../../trainer/metrics/percentile.ts";
import { rounded } from "../ratio.ts";
import type { Driver } from "./drive.ts";
import type { BenchKv } from "./kv.ts";
import type { BenchServer, Checkout } from "./server.ts";

export interface ColdCase {
  name: string;
  path: string;
  /** Each is sent once to each isolate. */
  bodies: readonly string[];
}

export interface ColdResult {
  case: string;
  /** Milliseconds until the answer, over all isolates. */
  p50: number;
  p95: number;
  p99: number;
  /** Keys of KV a request. */
  keys: number;
}

const LOADS = 60;
const LOAD_WAIT_MS = 500;
/** A client that waits for an answer before it asks again, so that no request waits for another's processor time. */
const CONNECTIONS = 1;

/** Starts an isolate for each case in each round. `rowDeadlineMs`: how long requests wait for rows. */
export async function coldResults(
  driver: Driver,
  checkout: Checkout,
  cases: readonly ColdCase[],
  rounds: number,
  rowDeadlineMs: number,
): Promise<ColdResult[]> {
  await using kv = await checkout.startKv("slow");
  const all = cases.map((one) => ({ ...one, latencies: [] as number[], keys: 0 }));
  for (let round = 0; round < rounds; round++) {
    for (const one of all) {
      await using server = await startLoaded(checkout, kv, rowDeadlineMs);
      const { path, bodies } = one;
      const job = { url: server.url.href, path, bodies, requests: bodies.length, connections: CONNECTIONS };
      const { latencies, keys } = await driver.drive(job);
      one.latencies.push(...latencies);
      one.keys += keys;
    }
  }
  return all.map(({ name, latencies, keys }) => ({
    case: name,
    ...quantiles(latencies),
    keys: rounded(keys / latencies.length),
  }));
}

/** The same of a server that has nothing to load. */
export async function warmQuantiles(
  driver: Driver,
  { url }: BenchServer,
  path: string,
  bodies: readonly string[],
): Promise<{ p50: number; p95: number; p99: number }> {
  const job = { url: url.href, path, bodies, requests: bodies.length, connections: CONNECTIONS };
  await driver.drive(job);
  return quantiles((await driver.drive(job)).latencies);
}

/** Of times in any order. */
export function quantiles(latencies: readonly number[]): { p50: number; p95: number; p99: number } {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(percentile(sorted, share));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Starts a Worker, and waits until it has its model. */
export async function startLoaded(checkout: Checkout, kv: BenchKv, rowDeadlineMs: number): Promise<BenchServer> {
  const server = await checkout.start(kv, rowDeadlineMs);
  await waitUntilLoaded(server);
  return server;
}

/** Sends an empty request until the model is there. */
export async function waitUntilLoaded({ url }: BenchServer, model?: string): Promise<void> {
  let said = "";
  for (let time = 0; time < LOADS; time++) {
    const response = await fetch(new URL("/v1/score", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ records: [], ...(model !== undefined && { model }) }),
    });
    said = `${response.status} ${await response.text()}`;
    if (response.ok) return;
    await sleep(LOAD_WAIT_MS);
  }
  throw new Error(`the model did not load: ${said}`);
}
