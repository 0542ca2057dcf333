// A thread of the fuzzer. It checks every `step`th mutant and says which one it is at, so that one which never ends is
// known.
import { parentPort, workerData } from "node:worker_threads";
import { Check } from "./check.ts";
import { mutant } from "./mutant.ts";

export interface FuzzTask {
  seed: number;
  /** The numbers to check: first, first + step and so on, below end. */
  first: number;
  step: number;
  end: number;
  /** Two words: the number that is being worked on, and 1 to make the thread stop. */
  shared: Int32Array<SharedArrayBuffer>;
}

/**
 * What happened since the last message: the number of mutants by outcome, and the finds. `done` comes with the last
 * message.
 */
export interface Progress {
  outcomes: Map<string, number>;
  finds: Find[];
  done: boolean;
}

export interface Find {
  number: number;
  problem: string;
}

const REPORT_EVERY = 256;

/** No stack is kept: nobody reads where a mutant was refused, and taking a stack takes as long as reading a blob. */
Error.stackTraceLimit = 0;

const { seed, first, step, end, shared } = workerData as FuzzTask;
const check = new Check();
let outcomes = new Map<string, number>();
let finds: Find[] = [];

function report(done: boolean): void {
  parentPort?.postMessage({ outcomes, finds, done } satisfies Progress);
  outcomes = new Map();
  finds = [];
}

let number = first;
for (let count = 1; number < end && Atomics.load(shared, 1) === 0; count++, number += step) {
  Atomics.store(shared, 0, number);
  try {
    const outcome = await check.check(mutant(seed, number));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  } catch (error) {
    finds.push({ number, problem: String(error) });
  }
  if (count % REPORT_EVERY === 0) report(false);
}
report(true);
