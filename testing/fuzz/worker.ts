// A thread of the fuzzer: checks every `step`th mutant and says which one it is at, so that one that never ends is known.
import { parentPort, workerData } from "node:worker_threads";
import { Check } from "./check.ts";
import { mutant } from "./mutant.ts";

export interface Task {
  seed: number;
  /** Numbers first, first + step … below end. */
  first: number;
  step: number;
  end: number;
  /** [the number at work, 1 to stop] */
  shared: Int32Array<SharedArrayBuffer>;
}

/** Since the last message: mutants by what became of them, and finds; `done` with the last one. */
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

/** What is thrown is refused: nobody reads where, and taking a stack takes as long as reading a blob. */
Error.stackTraceLimit = 0;

const { seed, first, step, end, shared } = workerData as Task;
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
