import { join } from "node:path";
import type { ResolvedSpec } from "../../format/spec.ts";
import type { LogPart } from "../data/logs.ts";
import type { Backend, RunningBackend } from "../engine/backend.ts";
import * as tf from "../engine/tfjs.ts";
import { toJson, writeWhole } from "../io/files.ts";
import { VERSION } from "../io/project.ts";
import type { Epoch } from "./epochs.ts";

// The text files of a run folder, which are for people and other programs: run.json says what was trained and with
// what, metrics.jsonl has a line an epoch. While a training runs they tell of it, and run.json has no `valid` yet.

export interface RunRecord {
  spec: ResolvedSpec;
  seed: number;
  backend: Backend;
  device: RunningBackend["device"];
  threads: number | null;
  versions: Record<string, string>;
}

/** What a run is trained with: what runs, and not what was asked for. */
export function runRecord(spec: ResolvedSpec, backend: RunningBackend): RunRecord {
  const { name, device, threads } = backend;
  return { spec, seed: spec.training.seed, backend: name, device, threads, versions: versionsWith(backend) };
}

/** The versions of all software that the weights depend on. */
export function versionsWith({ versions }: RunningBackend): Record<string, string> {
  return {
    "deepfm-edge": VERSION,
    node: process.versions.node,
    "@tensorflow/tfjs-core": tf.version_core,
    ...versions,
  };
}

/**
 * Returns a function to call after each epoch of a run in `folder`, with all its epochs so far. It writes metrics.jsonl
 * anew, so that the file never holds epochs of another training, and at its first call run.json.
 */
export function recordEpochs(
  folder: string,
  validLog: LogPart,
): (epochs: readonly Epoch[], spec: ResolvedSpec, backend: RunningBackend) => void {
  let begun = false;
  return (epochs, spec, backend) => {
    if (!begun) writeWhole(join(folder, "run.json"), toJson({ ...runRecord(spec, backend), validLog }));
    begun = true;
    writeWhole(join(folder, "metrics.jsonl"), epochs.map((epoch) => `${JSON.stringify(epoch)}\n`).join(""));
  };
}
