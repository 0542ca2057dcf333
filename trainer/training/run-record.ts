import { join } from "node:path";
import type { ResolvedSpec } from "../../format/spec.ts";
import type { LogPart } from "../data/logs.ts";
import type { EngineName, Platform, RunningEngine } from "../engine/engines.ts";
import { toJson, writeWhole } from "../io/files.ts";
import { VERSION } from "../io/project.ts";
import { removeQuietly } from "../io/temporary.ts";
import type { Epoch } from "./epochs.ts";

// The text files of a run folder, which are for people and other programs: run.json says what was trained and with
// what, metrics.jsonl has a line an epoch. While a training runs they tell of it, and run.json has no `valid` yet. When
// it has ended, evaluation.json and report.html have its metrics on the held-out logs.

export const EVALUATION_FILE = "evaluation.json";
export const REPORT_FILE = "report.html";

export interface RunRecord {
  spec: ResolvedSpec;
  seed: number;
  engine: EngineName;
  backend: Platform;
  device: RunningEngine["device"];
  threads: number | null;
  versions: Record<string, string>;
  /** A native backend's environment variables that change its numbers; null for one that was not set. */
  variables?: Record<string, string | null>;
}

/** What a run is trained with: what runs, and not what was asked for. */
export function runRecord(spec: ResolvedSpec, running: RunningEngine): RunRecord {
  const { engine, backend, device, threads, variables } = running;
  const ran = { engine, backend, device, threads, versions: versionsWith(running) };
  return { spec, seed: spec.training.seed, ...ran, ...(variables && { variables }) };
}

/** The versions of all software that the weights depend on. */
export function versionsWith({ versions }: RunningEngine): Record<string, string> {
  return {
    "deepfm-edge": VERSION,
    node: process.versions.node,
    ...versions,
  };
}

/**
 * Returns a function to call after each epoch of a run in `folder`, with all its epochs so far. It writes metrics.jsonl
 * anew, so that the file never holds epochs of another training. At its first call it writes run.json, and removes what
 * an earlier training in the folder was evaluated with.
 */
export function recordEpochs(
  folder: string,
  validLog: LogPart,
): (epochs: readonly Epoch[], spec: ResolvedSpec, running: RunningEngine) => void {
  let begun = false;
  return (epochs, spec, running) => {
    if (!begun) {
      for (const file of [EVALUATION_FILE, REPORT_FILE]) removeQuietly(join(folder, file));
      writeWhole(join(folder, "run.json"), toJson({ ...runRecord(spec, running), validLog }));
    }
    begun = true;
    writeWhole(join(folder, "metrics.jsonl"), epochs.map((epoch) => `${JSON.stringify(epoch)}\n`).join(""));
  };
}
