import type { FeatureSpec } from "../../format/spec.ts";
import { type LogSize, resolveSpec } from "../../trainer/data/default-settings.ts";
import { openTrainingLog } from "../../trainer/data/training-log.ts";
import type { RunningEngine } from "../../trainer/engine/engines.ts";
import { UserError } from "../../trainer/errors.ts";
import { MODELS } from "../../trainer/model/zoo/index.ts";
import type { RunLogs } from "./run.ts";

/** What a training takes besides its rows: the program, records that are read ahead, a step's intermediate numbers. */
const OTHER_BYTES = 2 ** 30;
/**
 * Copies of a row: weights, two moments, the best weights, and as much again for its key and counts. Ten million rows
 * of 11 numbers take 3.3 GB by this, and took 3.2 GB.
 */
const COPIES = 5;
/** Of the memory that is free, what trainings may take. */
const MEMORY_SHARE = 0.5;

/**
 * How many trainings run side by side: as many as are asked for, or else one for each of the engine's threads, but no
 * more than half of the free memory has room for. A step gains less from a second thread than a second training does.
 * Throws UserError where TensorFlow.js is to run several.
 */
export async function laneCount(
  asked: number | undefined,
  runs: number,
  specs: readonly FeatureSpec[],
  logs: RunLogs,
  { engine, threads }: RunningEngine,
): Promise<number> {
  if (engine !== "assembly") {
    if (asked === undefined || asked === 1) return 1;
    throw new UserError(`got --jobs ${asked} for TensorFlow.js, expected it for --engine assembly alone`);
  }
  const most = Math.min(asked ?? threads ?? 1, runs);
  if (asked !== undefined || most === 1) return most;
  const { vocabulary, source } = await openTrainingLog(specs[0], logs.train, logs.cache);
  const size = { records: source.count, clicks: source.labels.positives.records, rows: vocabulary.size };
  const bytes = OTHER_BYTES + 4 * COPIES * vocabulary.size * Math.max(...specs.map((spec) => rowWidth(spec, size)));
  return Math.max(1, Math.min(most, Math.floor((MEMORY_SHARE * process.availableMemory()) / bytes)));
}

/** How many numbers a row of the spec's model has, on a log of this size. */
function rowWidth(spec: FeatureSpec, size: LogSize): number {
  const resolved = resolveSpec(spec, size);
  return MODELS[resolved.model.type](resolved).rowDim + 1;
}
