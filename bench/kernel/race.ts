import { processorMs } from "../processor-time.ts";
import { BENCH_RECORDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

/** Processor time of a contestant's turn: long enough for a clock of microseconds. */
const TURN_MS = 8;
/** The same for a contestant in another process, where the time of a request without work is subtracted. */
const REMOTE_TURN_MS = 40;
/** Processor time before the first round, in which engines compile the code that runs often. */
const WARM_MS = 60;
/** The least that a turn counts as: the difference of two requests may come out as nothing or less. */
const LEAST_MS = 0.1;
/** Records of the warm-up's turns, from whose times the number of calls in a turn is computed. */
const WARM_RECORDS = 256;
const REMOTE_WARM_RECORDS = 4096;

/** Each contestant's µs a record, round by round. */
export type Rounds = ReadonlyMap<Contestant, readonly number[]>;

/**
 * Lets all contestants score `batch` records a call. Each has its turn in each round, in an order that is reversed from
 * one round to the next, so that a slow moment of the machine falls on all. Measures the processor time of the whole
 * process: it has no share of other programs in it, but that of the threads that a contestant starts.
 */
export async function race(contestants: readonly Contestant[], batch: number, rounds: number): Promise<Rounds> {
  const logits = new Float32Array(batch);
  let next = 0;
  const turn = async (contestant: Contestant, calls: number): Promise<number> => {
    if (contestant.milliseconds) return contestant.milliseconds(next, batch, calls);
    const started = processorMs();
    for (let call = 0; call < calls; call++) {
      const done = contestant.score(next, batch, logits);
      if (done) await done;
      next = (next + batch) % (BENCH_RECORDS - batch + 1);
    }
    return processorMs() - started;
  };

  const entries: { contestant: Contestant; calls: number; times: number[] }[] = [];
  for (const contestant of contestants) {
    const remote = contestant.milliseconds !== undefined;
    const calls = Math.ceil((remote ? REMOTE_WARM_RECORDS : WARM_RECORDS) / batch);
    for (let spent = 0; spent < WARM_MS; ) spent += Math.max(await turn(contestant, calls), LEAST_MS);
    const ms = Math.max(await turn(contestant, calls), LEAST_MS);
    const least = remote ? calls : 1;
    const fitting = Math.round(((remote ? REMOTE_TURN_MS : TURN_MS) / ms) * calls);
    entries.push({ contestant, calls: Math.max(least, fitting), times: [] });
  }
  const backwards = entries.toReversed();
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, calls, times } of round % 2 === 0 ? entries : backwards) {
      times.push((1000 * (await turn(contestant, calls))) / (calls * batch));
    }
  }
  return new Map(entries.map(({ contestant, times }) => [contestant, times]));
}

export function timesOf(rounds: Rounds, contestant: Contestant): readonly number[] {
  const times = rounds.get(contestant);
  if (!times) throw new Error(`${contestant.name} was not in the race`);
  return times;
}
