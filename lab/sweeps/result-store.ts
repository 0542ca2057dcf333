import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { FeatureSpec } from "../../format/spec.ts";
import { inputsOf } from "../../trainer/data/cache.ts";
import { DEFAULTS_VERSION } from "../../trainer/data/default-settings.ts";
import { findFiles, type LogFormat } from "../../trainer/data/files.ts";
import type { Logs } from "../../trainer/data/logs.ts";
import { engineKey, type RunningEngine } from "../../trainer/engine/engines.ts";
import { readJson, writeJson } from "../../trainer/io/json-file.ts";
import { readFault } from "../../trainer/io/system-fault.ts";
import type { RunOutcome } from "./run.ts";

// Results of finished runs, a JSON file each with its checksum, so that no run is trained twice. The name of a file has
// a digest of all that its result depends on.

// JSON has no NaN, which is the AUC of a log with one class.
const number = v.pipe(
  v.nullable(v.number()),
  v.transform((x) => x ?? Number.NaN),
);
const metrics = v.object({
  auc: number,
  logloss: number,
  loss: v.exactOptional(v.number()),
  recall: v.exactOptional(number),
  popularity: v.exactOptional(number),
});
const OutcomeSchema = v.union([
  v.object({ diverged: v.string() }),
  v.object({
    valid: metrics,
    test: metrics,
    parameters: v.number(),
    epochs: v.number(),
    pretrainingEpochs: v.exactOptional(v.number()),
    seconds: v.number(),
  }),
]);

export class ResultStore {
  readonly #folder: string;
  readonly #logs: Logs;
  readonly #engine: RunningEngine;

  constructor(folder: string, logs: Logs, engine: RunningEngine) {
    this.#folder = folder;
    this.#logs = logs;
    this.#engine = engine;
  }

  /** The outcome of a run; null where there is none yet. Throws FormatError where its file is damaged. */
  get(name: string, spec: FeatureSpec): RunOutcome | null {
    const path = this.#path(name, spec);
    if (!existsSync(path)) return null;
    return readJson(path, OutcomeSchema);
  }

  put(name: string, spec: FeatureSpec, outcome: RunOutcome): void {
    writeJson(this.#path(name, spec), { name, ...outcome, spec });
  }

  #path(name: string, spec: FeatureSpec): string {
    const slug = name.replaceAll("*", "-star").replace(/[^A-Za-z0-9.]+/g, "-");
    return join(this.#folder, `${slug}-seed-${spec.training.seed}-${runKey(spec, this.#logs, this.#engine)}.json`);
  }
}

/**
 * A digest of all that a result depends on, 12 hex digits: the spec, the defaults of what it does not state, the
 * contents of the logs, the engine that runs.
 */
export function runKey(spec: FeatureSpec, logs: Logs, engine: RunningEngine): string {
  const { $schema, ...settings } = spec;
  const text = JSON.stringify([settings, DEFAULTS_VERSION, logsIdentity(logs, spec.data.format), engineKey(engine)]);
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** Names logs by what is in their files, so that copies of a log in another folder count as the same log. */
export function logsIdentity({ train, valid, test }: Logs, format?: LogFormat): string {
  const identity = [train, valid, test].map(
    (log) => log && [findFiles(log.paths, format).files.map(digestOf), log.part],
  );
  return JSON.stringify(identity);
}

/** Digests by path, size and time of change, so that a process reads each file once. */
const digests = new Map<string, string>();

/** SHA-256 of a file, which is read in pieces, as it may be larger than memory. */
function digestOf(path: string): string {
  const key = JSON.stringify(inputsOf([path]));
  const known = digests.get(key);
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(2 ** 20);
  let file: number | null = null;
  try {
    file = openSync(path, "r");
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  } catch (error) {
    throw readFault(path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
  const digest = hash.digest("hex");
  digests.set(key, digest);
  return digest;
}
