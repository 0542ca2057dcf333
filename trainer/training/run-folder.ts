import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { FittedSpecSchema } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import { FeatureSpecSchema } from "../../format/spec.ts";
import type { LogPart } from "../data/logs.ts";
import { Vocabulary } from "../data/vocabulary.ts";
import { BACKENDS, type Backend } from "../engine/backend.ts";
import { toJson, writeWhole } from "../io/files.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { Learner } from "../model/learner.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { runRecord } from "./run-record.ts";
import type { TrainingResult } from "./train.ts";

// What `train` leaves behind: model.safetensors (the float32 model, with its spec), and in text what run-record.ts writes.

const LogPartSchema = v.object({
  paths: v.array(v.string()),
  part: v.exactOptional(v.picklist(["train", "valid", "test"])),
});
const RunSchema = v.object({ backend: v.picklist(BACKENDS), validLog: LogPartSchema });

/** Saves a trained model in `folder`. `validLog` is kept as the default log to calibrate the export with. */
export function saveRun(
  folder: string,
  model: TrainedModel & Pick<TrainingResult, "backend" | "valid">,
  validLog: LogPart,
): void {
  const { vocabulary, learner, spec, fitted, backend, valid } = model;
  const { rows, dense, runningStats } = learner.weights();
  const tensors = {
    "rows.keys": { shape: [vocabulary.size, 2], data: vocabulary.keys },
    "rows.fields": { shape: [vocabulary.size], data: vocabulary.fieldOf },
    "rows.counts": { shape: [vocabulary.size], data: vocabulary.counts },
    "rows.values": { shape: [vocabulary.size, learner.tables.dim + 1], data: rows },
    dense: { shape: [dense.length], data: dense },
    runningStats: { shape: [runningStats.length], data: runningStats },
  };
  writeWhole(
    join(folder, "model.safetensors"),
    writeSafetensors(tensors, { spec: JSON.stringify(spec), fitted: JSON.stringify(fitted) }),
  );
  writeWhole(join(folder, "run.json"), toJson({ ...runRecord(spec, backend), validLog, valid }));
}

export interface SavedRun extends TrainedModel {
  validLog: LogPart;
  trainedOn: Backend;
}

/** Loads what `saveRun` saved. The backend that predicts with it must have been started. */
export function loadRun(folder: string): SavedRun {
  const path = join(folder, "model.safetensors");
  const { tensors, metadata } = readSafetensors(readFile(path), path);
  const spec = parseWith(FeatureSpecSchema, JSON.parse(metadata.spec ?? "null"), path);
  const fitted = parseWith(FittedSpecSchema, JSON.parse(metadata.fitted ?? "null"), path);
  const runPath = join(folder, "run.json");
  const run = parseWith(RunSchema, JSON.parse(new TextDecoder().decode(readFile(runPath))), runPath);

  const vocabulary = new Vocabulary(
    spec.fields.length,
    tensor(tensors, "rows.keys", Uint32Array, path),
    tensor(tensors, "rows.fields", Uint16Array, path),
    tensor(tensors, "rows.counts", Uint32Array, path),
  );
  const learner = new Learner(spec, vocabulary);
  const of = (name: string, length: number): Float32Array => {
    const data = tensor(tensors, name, Float32Array, path);
    if (data.length !== length)
      throw new FormatError(`${path}: ${name}`, `got ${data.length} numbers, expected ${length}`);
    return data;
  };
  learner.restore({
    rows: of("rows.values", learner.tables.values.length),
    dense: of("dense", learner.model.parameters.values.length),
    runningStats: of("runningStats", learner.model.runningStats.values.length),
  });
  return { spec, fitted, vocabulary, learner, validLog: run.validLog, trainedOn: run.backend };
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FormatError(path, `not a trained model: ${(error as Error).message}`);
  }
}

function tensor<T>(
  tensors: ReturnType<typeof readSafetensors>["tensors"],
  name: string,
  Type: abstract new (...args: never[]) => T,
  path: string,
): T {
  const data = tensors[name]?.data;
  if (data instanceof Type) return data;
  throw new FormatError(
    `${path}: ${name}`,
    `got ${data ? "another type" : "nothing"}, expected a tensor of type ${Type.name}`,
  );
}
