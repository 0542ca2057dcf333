// What users wait for while an isolate's rows still come from Workers KV, as slow as in production, and requests wait a
// deadline for them: requests that arrive at random, in isolates that have just loaded their model, beside the same
// arrivals at a Worker that does nothing but answer.
import { table } from "../../trainer/terminal/table.ts";
import { rounded } from "../ratio.ts";
import { quantiles, startLoaded } from "./cold.ts";
import type { Driver } from "./drive.ts";
import type { Asked } from "./model.ts";
import type { BenchServer, Checkout } from "./server.ts";

export interface DeadlineResult {
  case: string;
  /** Milliseconds until the answer, over all isolates. */
  p50: number;
  p95: number;
  p99: number;
  /** Keys of KV a request. */
  keys: number;
  /** Share of the requests whose rows were not all there in time. */
  degraded: number;
}

export interface DeadlinePlan {
  asked: Asked;
  rowDeadlineMs: number;
  /** Isolates, one after the other. */
  isolates: number;
  /** Requests that each of them gets, all of them different. */
  requests: number;
  /** Requests a second. */
  rate: number;
}

/** The bar: milliseconds that the 99th percentile may be above the empty Worker's. */
const MOST_ABOVE_MS = 65;

/** First the empty Worker's result, then the other's. */
export async function deadlineResults(
  driver: Driver,
  checkout: Checkout,
  empty: BenchServer,
  plan: DeadlinePlan,
): Promise<DeadlineResult[]> {
  const { asked, rowDeadlineMs, isolates, requests, rate } = plan;
  await using kv = await checkout.startKv("slow");
  const all = ["empty handler", "the Worker"].map((name) => ({
    name,
    latencies: [] as number[],
    keys: 0,
    degraded: 0,
  }));
  const bodies = checkout.models[0].bodies(asked, isolates * requests).map((body) => JSON.stringify(body));
  for (let isolate = 0; isolate < isolates; isolate++) {
    await using server = await startLoaded(checkout, kv, rowDeadlineMs);
    const own = bodies.slice(isolate * requests, (isolate + 1) * requests);
    const turns = [
      { one: all[0], url: empty.url },
      { one: all[1], url: server.url },
    ];
    if (isolate % 2 === 1) turns.reverse();
    for (const { one, url } of turns) {
      const arrivals = { url: url.href, path: asked.path, bodies: own, rate, seed: isolate + 1 };
      const { latencies, keys, degraded } = await driver.drive(arrivals);
      one.latencies.push(...latencies);
      one.keys += keys;
      one.degraded += degraded;
    }
  }
  const results = all.map(({ name, latencies, keys, degraded }) => ({
    ...{ case: name, ...quantiles(latencies) },
    ...{ keys: rounded(keys / latencies.length), degraded: rounded(degraded / latencies.length) },
  }));
  print(results, plan);
  return results;
}

function print([empty, worker]: readonly DeadlineResult[], plan: DeadlinePlan): void {
  const { asked, rowDeadlineMs, isolates, requests, rate } = plan;
  console.log(
    `\n${asked.path} of ${asked.records}, ${rate} requests a second, the first ${requests} of ${isolates} isolates, ` +
      `deadline ${rowDeadlineMs} ms`,
  );
  console.log(
    table(
      ["arrivals", "p50 ms", "p95 ms", "p99 ms", "keys", "rows missing"],
      [empty, worker].map(({ case: name, p50, p95, p99, keys, degraded }) => [
        ...[name, ...[p50, p95, p99, keys].map((x) => x.toFixed(1)), `${(100 * degraded).toFixed(0)} %`],
      ]),
    ),
  );
  const above = worker.p99 - empty.p99;
  const holds = above <= MOST_ABOVE_MS;
  console.log(
    `p99 ${above.toFixed(1)} ms above the empty handler's, at most ${MOST_ABOVE_MS}: ${holds ? "holds" : "fails"}`,
  );
}
