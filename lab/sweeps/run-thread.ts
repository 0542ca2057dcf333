// A thread that trains runs for ./run-lanes.ts, one at a time.
import { parentPort, workerData } from "node:worker_threads";
import type { FeatureSpec } from "../../format/spec.ts";
import { decideWidth } from "../../trainer/engine/assembly/wide.ts";
import type { AskedEngine } from "../../trainer/engine/engines.ts";
import { faultOf, type ThreadFault } from "../../trainer/io/thread-fault.ts";
import { within } from "../../trainer/terminal/progress.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { type RunLogs, type RunOutcome, trainRun } from "./run.ts";

/** What a thread's runs have in common. */
export interface LaneData {
  logs: RunLogs;
  engine: AskedEngine;
  /** Whether the process has V8 compute with 256 bits. */
  wide: boolean;
}

/** A message to the thread. */
export interface RunRequest {
  title: string;
  spec: FeatureSpec;
}

/** A message from the thread: an epoch of a run, or how it ended. */
export type RunReport = { epoch: Epoch } | { outcome: RunOutcome } | { fault: ThreadFault };

const { logs, engine, wide } = workerData as LaneData;
decideWidth(wide);

parentPort?.on("message", ({ title, spec }: RunRequest) => {
  const report = (message: RunReport): void => parentPort?.postMessage(message);
  const onEpoch = (epoch: Epoch): void => report({ epoch });
  within(title, () => trainRun(spec, logs, engine, onEpoch)).then(
    (outcome) => report({ outcome }),
    (error: unknown) => report({ fault: faultOf(error) }),
  );
});
