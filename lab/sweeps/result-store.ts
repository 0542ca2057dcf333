import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parseWith } from "../../format/parse.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { inputsOf } from "../../trainer/data/cache.ts";
import { filesOf } from "../../trainer/data/files.ts";
import type { Logs } from "../../trainer/data/logs.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import type { ExperimentResult } from "./run.ts";

// Finished runs, a JSON file each, so that what was trained is not trained again. A file's name holds the hash of all
// that its result depends on.

// JSON has no NaN, which is the AUC of a log with one class.
const number = v.pipe(
  v.nullable(v.number()),
  v.transform((x) => x ?? Number.NaN),
);
const metrics = v.object({ auc: number, logloss: number });
const ResultSchema = v.object({
  valid: metrics,
  test: metrics,
  parameters: v.number(),
  epochs: v.number(),
  pretrainingEpochs: v.exactOptional(v.number()),
  seconds: v.number(),
});

export class ResultStore {
  readonly #folder: string;
  readonly #logs: Logs;
  readonly #backend: Backend | undefined;

  constructor(folder: string, logs: Logs, backend?: Backend) {
    this.#folder = folder;
    this.#logs = logs;
    this.#backend = backend;
  }

  get(name: string, spec: FeatureSpec): ExperimentResult | null {
    const path = this.#path(name, spec);
    if (!existsSync(path)) return null;
    return parseWith(ResultSchema, JSON.parse(readFileSync(path, "utf8")), path);
  }

  put(name: string, spec: FeatureSpec, result: ExperimentResult): void {
    writeWhole(this.#path(name, spec), toJson({ name, ...result, spec }));
  }

  #path(name: string, spec: FeatureSpec): string {
    const slug = name.replaceAll("*", "-star").replace(/[^A-Za-z0-9.]+/g, "-");
    return join(this.#folder, `${slug}-seed-${spec.training.seed}-${runKey(spec, this.#logs, this.#backend)}.json`);
  }
}

/** Names all that a result depends on: the spec, what the logs hold, the backend. */
export function runKey(spec: FeatureSpec, logs: Logs, backend?: Backend): string {
  const { $schema, ...settings } = spec;
  const text = JSON.stringify([settings, logsIdentity(logs), backend ?? "default"]);
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** The contents of the logs, so that the same files elsewhere, or copied anew, are the same logs. */
export function logsIdentity({ train, valid, test }: Logs): string {
  const identity = [train, valid, test].map((log) => log && [log.paths.flatMap(filesOf).map(digestOf), log.part]);
  return JSON.stringify(identity);
}

/** Digests by path, size and time of change: a log is read once a process. */
const digests = new Map<string, string>();

/** SHA-256 of a file, read in pieces. */
function digestOf(path: string): string {
  const key = JSON.stringify(inputsOf([path]));
  const known = digests.get(key);
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(2 ** 20);
  const file = openSync(path, "r");
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(file);
  }
  const digest = hash.digest("hex");
  digests.set(key, digest);
  return digest;
}
