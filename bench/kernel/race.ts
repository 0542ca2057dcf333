import { RECORDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

/** Processor time that a contestant is given in a round: enough for a clock of microseconds; and beside that of a request. */
const SAMPLE_MS = 8;
const REQUEST_MS = 40;
/** Time before the first round: an engine begins with code that it makes fast, and makes fast code where that runs often. */
const WARM_MS = 60;
/** What a sample counts at least: a difference of two requests may be nothing. */
const LEAST_MS = 0.1;
/** Records of the first samples, which tell how many calls are to be one. */
const FIRST_RECORDS = 256;
const FIRST_REQUEST_RECORDS = 4096;

/** µs a record of each contestant, round by round. */
export type Rounds = Map<string, readonly number[]>;

/**
 * Lets all contestants score `batch` records a call, in turns, so that a slow moment of the machine falls on all. Measures
 * processor time of the whole process: what other programs take is no part of it, what a peer's own threads take is.
 */
export async function race(contestants: readonly Contestant[], batch: number, rounds: number): Promise<Rounds> {
  const logits = new Float32Array(batch);
  const calls = new Map<Contestant, number>();
  const times = contestants.map((): number[] => []);
  let next = 0;
  const run = async (contestant: Contestant, count: number): Promise<number> => {
    if (contestant.milliseconds) return contestant.milliseconds(next, batch, count);
    const started = processorMs();
    for (let i = 0; i < count; i++) {
      const done = contestant.score(next, batch, logits);
      if (done) await done;
      next = (next + batch) % (RECORDS - batch + 1);
    }
    return processorMs() - started;
  };
  for (const contestant of contestants) {
    const remote = contestant.milliseconds !== undefined;
    const first = Math.ceil((remote ? FIRST_REQUEST_RECORDS : FIRST_RECORDS) / batch);
    // Compilers settle, and the length of a sample becomes known.
    for (let spent = 0; spent < WARM_MS; ) spent += Math.max(await run(contestant, first), LEAST_MS);
    const ms = Math.max(await run(contestant, first), LEAST_MS);
    calls.set(contestant, Math.max(remote ? first : 1, Math.round(((remote ? REQUEST_MS : SAMPLE_MS) / ms) * first)));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const count = calls.get(contestant) ?? 1;
      times[i]?.push((1000 * (await run(contestant, count))) / (count * batch));
    }
  }
  return new Map(contestants.map(({ name }, i) => [name, times[i] ?? []]));
}

/** Median of a contestant's times by another's of the same round: a slow moment that lasts for rounds is no part of it. */
export function ratio(times: readonly number[], others: readonly number[]): number {
  return median(times.map((time, round) => time / others[round]));
}

export function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
}

export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
