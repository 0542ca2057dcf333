// What users wait for where rows come from Workers KV, as slow as in production, and requests wait a deadline for them:
// requests that arrive at random, beside the same arrivals at a Worker that does nothing but answer. One case is of
// isolates that have just loaded their model; in the other they have had requests before, and keep so few rows that
// they go on reading some for each request.
import { table } from "../../trainer/terminal/table.ts";
import { processMs } from "../processor-time.ts";
import { rounded } from "../ratio.ts";
import { quantiles, startLoaded } from "./cold.ts";
import type { Driver } from "./drive.ts";
import type { Drive } from "./driver.ts";
import type { Asked } from "./model.ts";
import type { BenchServer, Checkout } from "./server.ts";

export interface DeadlineCase {
  name: string;
  checkout: Checkout;
  /** Requests of each isolate that come before those that count. */
  before: number;
}

export interface DeadlinePlan {
  asked: Asked;
  rowDeadlineMs: number;
  /** Isolates of each case, one after the other. */
  isolates: number;
  /** Requests of each of them that count, all of them different. */
  requests: number;
  /** Requests a second. */
  rate: number;
}

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
  /** Milliseconds of workerd's processor time a request. */
  cpuMs: number;
}

/** The bar: milliseconds that the 99th percentile may be above the empty Worker's. */
const MOST_ABOVE_MS = 65;
/** Connections of the requests before. */
const CONNECTIONS = 4;

/** The result of each case, and then that of the empty Worker. */
export async function deadlineResults(
  driver: Driver,
  cases: readonly DeadlineCase[],
  empty: BenchServer,
  plan: DeadlinePlan,
): Promise<DeadlineResult[]> {
  await using kv = await cases[0].checkout.startKv("slow");
  const tallies = [...cases.map(({ name }) => name), "empty handler"].map((name) => new Tally(name));
  const [idle] = tallies.slice(-1);
  for (let isolate = 0; isolate < plan.isolates; isolate++) {
    for (const [i, one] of cases.entries()) {
      await using server = await startLoaded(one.checkout, kv, plan.rowDeadlineMs);
      const bodies = bodiesOf(one, plan, isolate);
      if (one.before > 0) await driver.drive(closedLoop(server, plan, bodies.splice(0, one.before)));
      const turns = [
        { tally: idle, to: empty },
        { tally: tallies[i], to: server },
      ];
      for (const { tally, to } of isolate % 2 === 0 ? turns : turns.toReversed()) {
        const arrivals = { url: to.url.href, path: plan.asked.path, bodies, rate: plan.rate, seed: isolate + 1 };
        const started = processMs(to.pid);
        const drive = await driver.drive(arrivals);
        tally.add(drive, processMs(to.pid) - started);
      }
    }
  }
  const results = tallies.map((tally) => tally.result());
  print(results, plan);
  return results;
}

class Tally {
  readonly #name: string;
  readonly #latencies: number[] = [];
  #keys = 0;
  #degraded = 0;
  #cpu = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add({ latencies, keys, degraded }: Drive, cpuMs: number): void {
    this.#latencies.push(...latencies);
    this.#keys += keys;
    this.#degraded += degraded;
    this.#cpu += cpuMs;
  }

  result(): DeadlineResult {
    const { length } = this.#latencies;
    return {
      ...{ case: this.#name, ...quantiles(this.#latencies) },
      ...{ keys: rounded(this.#keys / length), degraded: rounded(this.#degraded / length) },
      cpuMs: rounded(this.#cpu / length),
    };
  }
}

/** Bodies that no other isolate of the case gets. */
function bodiesOf({ checkout, before }: DeadlineCase, { asked, isolates, requests }: DeadlinePlan, isolate: number) {
  const each = before + requests;
  const all = checkout.models[0].bodies(asked, isolates * each);
  return all.slice(isolate * each, (isolate + 1) * each).map((body) => JSON.stringify(body));
}

function closedLoop({ url }: BenchServer, { asked }: DeadlinePlan, bodies: readonly string[]) {
  return { url: url.href, path: asked.path, bodies, requests: bodies.length, connections: CONNECTIONS };
}

function print(results: readonly DeadlineResult[], plan: DeadlinePlan): void {
  const { asked, rowDeadlineMs, isolates, requests, rate } = plan;
  const idle = results[results.length - 1];
  console.log(
    `\n${asked.path} of ${asked.records}, ${rate} requests a second, ${requests} of each of ${isolates} isolates, ` +
      `deadline ${rowDeadlineMs} ms`,
  );
  console.log(
    table(
      [
        "arrivals",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "keys",
        "rows missing",
        "CPU ms",
        "p99 above",
        `at most ${MOST_ABOVE_MS}`,
      ],
      results.map((result) => {
        const { case: name, p50, p95, p99, keys, degraded, cpuMs } = result;
        const above = p99 - idle.p99;
        const verdict = above <= MOST_ABOVE_MS ? "holds" : "fails";
        return [
          ...[name, ...[p50, p95, p99, keys].map((x) => x.toFixed(1)), `${(100 * degraded).toFixed(0)} %`],
          cpuMs.toFixed(2),
          ...(result === idle ? ["", ""] : [`${above.toFixed(1)} ms`, verdict]),
        ];
      }),
    ),
  );
}
