import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FeatureSpec } from "../../format/spec.ts";
import type { LogPart } from "../data/logs.ts";
import type { Backend, RunningBackend } from "../engine/backend.ts";
import * as tf from "../engine/tfjs.ts";
import { toJson, writeWhole } from "../io/files.ts";
import { VERSION } from "../io/project.ts";
import type { Epoch } from "./epochs.ts";

// The text files of a run folder: run.json says what was trained and with what, metrics.jsonl has a line an epoch.

export interface RunRecord {
  spec: FeatureSpec;
  seed: number;
  backend: Backend;
  device: RunningBackend["device"];
  threads: number | null;
  versions: Record<string, string>;
}

/** What a run is trained with: what runs, and not what was asked for. */
export function runRecord(spec: FeatureSpec, backend: RunningBackend): RunRecord {
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
 * Returns a function to call after each epoch of a run in `folder`. It appends a line to metrics.jsonl, and at its
 * first call writes run.json before. Lines of earlier epochs stay, as the training may have been resumed from a
 * checkpoint; the other lines are of a run before this one, and are removed.
 */
export function recordEpochs(
  folder: string,
  spec: FeatureSpec,
  validLog: LogPart,
): (epoch: Epoch, backend: RunningBackend) => void {
  const path = join(folder, "metrics.jsonl");
  let begun = false;
  return (epoch, backend) => {
    if (!begun) {
      begun = true;
      writeWhole(join(folder, "run.json"), toJson({ ...runRecord(spec, backend), validLog }));
      writeWhole(path, linesBefore(path, epoch.epoch).join(""));
    }
    appendFileSync(path, `${JSON.stringify(epoch)}\n`, { flush: true });
  };
}

function linesBefore(path: string, epoch: number): string[] {
  if (epoch === 1 || !existsSync(path)) return [];
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .slice(0, epoch - 1);
  return lines.filter((line) => line !== "").map((line) => `${line}\n`);
}
