import { Worker } from "node:worker_threads";
import type { FeatureSpec } from "../../format/spec.ts";
import { askFor, type ChosenEngine } from "../../trainer/engine/engines.ts";
import { errorOf } from "../../trainer/io/thread-fault.ts";
import { within } from "../../trainer/terminal/progress.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { type RunLogs, type RunOutcome, trainRun } from "./run.ts";
import type { LaneData, RunReport, RunRequest } from "./run-thread.ts";

/** Trains runs, one after the other. */
export interface Lane extends AsyncDisposable {
  /** `onEpoch` is told of each epoch where nothing else shows how far the training is. */
  train(title: string, spec: FeatureSpec, onEpoch: (epoch: Epoch) => void): Promise<RunOutcome>;
}

/** So many lanes, which train side by side and share the engine's threads. One alone is this thread. */
export function openLanes(count: number, logs: RunLogs, engine: ChosenEngine): Lane[] {
  if (count === 1) return [ownLane(logs, engine)];
  const threads = engine.threads === null ? null : Math.max(1, Math.floor(engine.threads / count));
  const data: LaneData = { logs, engine: askFor({ ...engine, threads }), wide: engine.wide ?? false };
  return Array.from({ length: count }, () => new ThreadLane(data));
}

function ownLane(logs: RunLogs, engine: ChosenEngine): Lane {
  return {
    train: (title, spec) => within(title, () => trainRun(spec, logs, askFor(engine))),
    async [Symbol.asyncDispose]() {},
  };
}

/** A file's name ends otherwise where it is compiled. */
const SCRIPT = new URL(`./run-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

class ThreadLane implements Lane {
  readonly #worker: Worker;

  constructor(workerData: LaneData) {
    // Flags of this process, such as one to read a program from standard input, are not for its threads.
    this.#worker = new Worker(SCRIPT, { workerData, execArgv: [] });
  }

  train(title: string, spec: FeatureSpec, onEpoch: (epoch: Epoch) => void): Promise<RunOutcome> {
    const thread = `the thread of ${title}`;
    const { promise, resolve, reject } = Promise.withResolvers<RunOutcome>();
    const read = (report: RunReport): void => {
      if ("epoch" in report) onEpoch(report.epoch);
      else if ("outcome" in report) resolve(report.outcome);
      else reject(errorOf(report.fault, thread));
    };
    const fail = (error: unknown): void => reject(new Error(`${thread} failed`, { cause: error }));
    const exit = (code: number): void => reject(new Error(`${thread} ended with code ${code}`));
    this.#worker.on("message", read).once("error", fail).once("exit", exit);
    this.#worker.postMessage({ title, spec } satisfies RunRequest);
    return promise.finally(() => this.#worker.off("message", read).off("error", fail).off("exit", exit));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
