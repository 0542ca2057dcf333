// What requests cost: all contestants take their turn in each round.
import { median } from "../../trainer/metrics/median.ts";
import { percentile } from "../../trainer/metrics/percentile.ts";
import type { Task } from "../../trainer/terminal/progress.ts";
import { processMs } from "../processor-time.ts";
import { medianRatio, rounded } from "../ratio.ts";
import type { Driver } from "./drive.ts";
import type { BenchServer } from "./server.ts";

/** Requests that one server answers in each round. */
export interface Contestant {
  name: string;
  server: BenchServer;
  path: string;
  bodies: readonly string[];
  /** Records of a request. */
  records: number;
  /** Whether no other contestant has its server: what that does after a turn then counts for its next one. */
  alone?: boolean;
}

/** What its turns took, a number a round. */
export interface Turns extends Contestant {
  /** Milliseconds of workerd's processor time a request. */
  cpu: number[];
  /** Requests a second, of a wall clock. */
  throughput: number[];
  /** Milliseconds until the answer: the 50th, 95th and 99th of a hundred. */
  p50: number[];
  p95: number[];
  p99: number[];
  /** Keys of KV a request. */
  keys: number[];
  /** What its server had used at the end of its last turn, in milliseconds; null: it had none. */
  usedMs: number | null;
}

export interface Pace {
  rounds: number;
  connections: number;
  /** Records that a turn sends, in at least `leastRequests` and at most MOST_REQUESTS. */
  records: number;
  /** Default: LEAST_REQUESTS. */
  leastRequests?: number;
}

const LEAST_REQUESTS = 100;
const MOST_REQUESTS = 1000;

/**
 * Lets all take their turn, forwards and backwards by turns. The first round warms up and does not count. `task`: told
 * of each of `turnsOf` turns.
 */
export async function measure(
  driver: Driver,
  contestants: readonly Contestant[],
  pace: Pace,
  task: Task,
): Promise<Turns[]> {
  const turns = contestants.map(
    (one): Turns => ({ ...one, cpu: [], throughput: [], p50: [], p95: [], p99: [], keys: [], usedMs: null }),
  );
  const backwards = turns.toReversed();
  for (let round = 0; round <= pace.rounds; round++)
    for (const turn of round % 2 === 0 ? turns : backwards) {
      await takeTurn(driver, turn, pace, round > 0);
      task.advance(1, turn.name);
    }
  return turns;
}

/** How many turns `measure` lets all take. */
export function turnsOf(contestants: readonly Contestant[], { rounds }: Pace): number {
  return (rounds + 1) * contestants.length;
}

/** A turn of a contestant. `counts`: whether it is one of the measurement. */
async function takeTurn(driver: Driver, turn: Turns, pace: Pace, counts: boolean): Promise<void> {
  const { server, path, bodies, alone = false } = turn;
  const { leastRequests = LEAST_REQUESTS } = pace;
  const requests = Math.min(MOST_REQUESTS, Math.max(leastRequests, Math.ceil(pace.records / turn.records)));
  const usedMs = (alone ? turn.usedMs : null) ?? processMs(server.pid);
  const { seconds, latencies, keys } = await driver.drive({
    ...{ url: server.url.href, path, bodies, requests, connections: pace.connections },
  });
  turn.usedMs = processMs(server.pid);
  if (!counts) return;
  turn.cpu.push((turn.usedMs - usedMs) / requests);
  turn.throughput.push(requests / seconds);
  turn.keys.push(keys / requests);
  for (const [list, share] of [
    [turn.p50, 0.5],
    [turn.p95, 0.95],
    [turn.p99, 0.99],
  ] as const)
    list.push(percentile(latencies, share));
}

export interface Result {
  case: string;
  records: number;
  /** Milliseconds of workerd's processor time a request. */
  cpuMs: number;
  /** That of the other, divided by this one's, round by round: records a second of processor time, this / other. */
  speedup?: number;
  requestsPerSecond: number;
  p50: number;
  p95: number;
  p99: number;
  keys: number;
}

/** The medians of the rounds. `other`: the same case in another checkout. */
export function resultOf(turns: Turns, other?: Turns): Result {
  const of = (list: readonly number[]): number => rounded(median(list));
  return {
    case: turns.name,
    records: turns.records,
    cpuMs: of(turns.cpu),
    ...(other && { speedup: rounded(medianRatio(other.cpu, turns.cpu)) }),
    requestsPerSecond: of(turns.throughput),
    ...{ p50: of(turns.p50), p95: of(turns.p95), p99: of(turns.p99), keys: of(turns.keys) },
  };
}
