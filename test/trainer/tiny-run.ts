// A training run of a second: a generated log, and the spec of a small model that learns something from it.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { parseWith } from "../../format/parse.ts";
import { FeatureSpecSchema, type ResolvedSpec } from "../../format/spec.ts";
import { withFixedDefaults } from "../../trainer/data/default-settings.ts";
import { DuckDb } from "../../trainer/data/duckdb.ts";
import { type GeneratedLog, generateLog } from "../../trainer/data/generate.ts";
import type { LogPart, Logs } from "../../trainer/data/logs.ts";

export const QUIET_TASK = { advance: () => {}, done: () => {} };

/** Makes a folder for a test's files, and in it a log. No test of the file may leave a database open. */
export async function tinyLog(rows = 2_000): Promise<{ folder: string; log: GeneratedLog; logs: TinyLogs }> {
  afterAll(() => expect(DuckDb.openCount).toBe(0));
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-run-"));
  const log = await generateLog(join(folder, "log"), rows, 7, QUIET_TASK);
  const of = (path: string): LogPart => ({ paths: [path] });
  return {
    folder,
    log,
    logs: { train: of(log.train), valid: of(log.valid), test: of(log.test), cache: join(folder, "cache") },
  };
}

/** The log's parts as the trainer takes them. */
interface TinyLogs extends Logs {
  test: LogPart;
  cache: string;
}

export function tinyRunSpec(model: object = {}, training: object = {}): ResolvedSpec {
  const input = {
    name: "tiny",
    fields: [
      { name: "country", type: "categorical" },
      { name: "category", type: "categorical", side: "item" },
      { name: "tags", type: "multi-categorical", side: "item" },
      { name: "price", type: "numeric", encoding: { kind: "log2" }, side: "item" },
    ],
    model: { embeddingDim: 4, hidden: [8, 8], ...model },
    training: { batchSize: 256, maxEpochs: 2, learningRate: 0.01, ...training },
  };
  return withFixedDefaults(parseWith(FeatureSpecSchema, input, "tiny"));
}
