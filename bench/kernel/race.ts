import { RECORDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

/** Processor time that a contestant is given in a round: enough for a clock of microseconds. */
const SAMPLE_MS = 8;

/** Median µs a record of each contestant. */
export type Micros = Map<string, number>;

/**
 * Lets all contestants score `batch` records a call, in turns, so that a slow moment of the machine falls on all. Measures
 * processor time of the whole process: what other programs take is no part of it, what a peer's own threads take is.
 */
export async function race(contestants: readonly Contestant[], batch: number, rounds: number): Promise<Micros> {
  const logits = new Float32Array(batch);
  const calls = new Map<Contestant, number>();
  const times = contestants.map((): number[] => []);
  let next = 0;
  const run = async (contestant: Contestant, count: number): Promise<number> => {
    const started = processorMs();
    for (let i = 0; i < count; i++) {
      const done = contestant.score(next, batch, logits);
      if (done) await done;
      next = (next + batch) % (RECORDS - batch + 1);
    }
    return processorMs() - started;
  };
  for (const contestant of contestants) {
    // Compilers settle, and the length of a sample becomes known.
    await run(contestant, Math.ceil(256 / batch));
    const ms = await run(contestant, Math.ceil(256 / batch));
    calls.set(contestant, Math.max(1, Math.round((SAMPLE_MS / ms) * Math.ceil(256 / batch))));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const count = calls.get(contestant) ?? 1;
      times[i]?.push((1000 * (await run(contestant, count))) / (count * batch));
    }
  }
  return new Map(contestants.map(({ name }, i) => [name, median(times[i] ?? [])]));
}

export function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
}

export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
