// The fuzzer: threads that check mutants, and a watchdog over them.
import { Worker } from "node:worker_threads";
import type { Find, FuzzTask, Progress } from "./worker.ts";

export interface FuzzOptions {
  seed: number;
  /** The number of the first mutant. Default: 0. */
  first?: number;
  /** The number at which to stop, itself not included. Default: none. */
  end?: number;
  /** After this many seconds no mutant begins. Default: none. */
  seconds?: number;
  /** How many threads check mutants. Default: 1. */
  threads?: number;
  /** A mutant that takes longer counts as a find. Its thread is ended, and another goes on behind it. Default: 30. */
  hangSeconds?: number;
  progress?: (report: FuzzReport) => void;
}

export interface FuzzReport {
  mutants: number;
  /** How many mutants were scored, read, or refused, by the place that was refused. */
  outcomes: Map<string, number>;
  finds: Find[];
}

/** The run ends after this many finds: more would tell little. */
const MOST_FINDS = 100;

/** The last mutant of a seed: an i32 holds the number that is being worked on. */
const LAST = 2 ** 31 - 1;

/** A mutant is made of young objects, and the default of 16 MiB would be collected a hundred times a second. */
const LIMITS = { maxYoungGenerationSizeMb: 64 };

/** Checks mutants. The report holds everything that went wrong; nothing is thrown. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { threads = 1, first = 0, seconds = Number.POSITIVE_INFINITY } = options;
  const report: FuzzReport = { mutants: 0, outcomes: new Map(), finds: [] };
  const stopAt = performance.now() + 1000 * seconds;
  await Promise.all(Array.from({ length: threads }, (_, i) => runThread(first + i, options, report, stopAt)));
  report.finds.sort((a, b) => a.number - b.number);
  return report;
}

/** Checks every `threads`th mutant from `first` on, in one worker after another where one hangs or dies. */
async function runThread(first: number, options: FuzzOptions, report: FuzzReport, stopAt: number): Promise<void> {
  const { seed, threads: step = 1, end = LAST } = options;
  let next: number | null = first;
  while (next !== null && next < end && performance.now() < stopAt && report.finds.length < MOST_FINDS) {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    shared[0] = next;
    const lost = await runWorker({ seed, first: next, step, end, shared }, options, report, stopAt);
    next = lost === null ? null : lost + step;
  }
}

/** Runs a worker to its end. Returns the number of the mutant at which it was lost; null where it was not lost. */
function runWorker(
  task: FuzzTask,
  { hangSeconds = 30, progress }: FuzzOptions,
  report: FuzzReport,
  stopAt: number,
): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: task, resourceLimits: LIMITS });
  let [at, since] = [task.first, performance.now()];
  const finish = (problem: string | null): void => {
    clearInterval(watchdog);
    const number = Atomics.load(task.shared, 0);
    if (problem !== null) report.finds.push({ number, problem });
    void worker.terminate();
    resolve(problem === null ? null : number);
  };
  const watchdog = setInterval(() => {
    const now = performance.now();
    if (now >= stopAt || report.finds.length >= MOST_FINDS) Atomics.store(task.shared, 1, 1);
    const number = Atomics.load(task.shared, 0);
    if (number !== at) [at, since] = [number, now];
    else if (now - since > 1000 * hangSeconds) finish(`no end after ${hangSeconds} s`);
  }, 20);
  worker.on("message", ({ outcomes, finds, done }: Progress) => {
    for (const [outcome, count] of outcomes) {
      report.outcomes.set(outcome, (report.outcomes.get(outcome) ?? 0) + count);
      report.mutants += count;
    }
    report.finds.push(...finds);
    report.mutants += finds.length;
    progress?.(report);
    if (done) finish(null);
  });
  worker.on("error", (error) => finish(`the thread died: ${error}`));
  return promise;
}
