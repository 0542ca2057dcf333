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
import { tfjsEngine } from "../engine/tfjs-engine.ts";
import { toJson, writeWhole } from "../io/files.ts";
import { readSafetensors, tensorData, writeSafetensors } from "../io/safetensors.ts";
import { Learner } from "../model/learner.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { namedWeights, weightsFromNamed } from "../model/weights.ts";
import { runRecord } from "./run-record.ts";
import type { TrainingResult } from "./train.ts";

// What `train` leaves in a run folder: model.safetensors, and in text what run-record.ts writes.
//
// model.safetensors is a file of the safetensors format, which readers in many languages know. Its metadata are two JSON texts:
// `spec`, as the user wrote it with all defaults, and `fitted`, what encodes records. Its tensors, with V rows over F fields,
// vectors of D numbers, and for layer i of a network K inputs and N units:
//
//     rows.keys               u32 [V, 2]      64-bit keys of (field, value): low word, high word; zeros for the OOV rows
//     rows.fields             u16 [V]         the field of each row; rows 0 … F − 1 are the fields' OOV rows, in order
//     rows.counts             u32 [V]         how often the training log used each row
//     rows.values             f32 [V, D + 1]  [w, v₁ … v_D]
//     bias                    f32 [1]         w₀
//     <network>.<i>.weights   f32 [K, N]      hidden layer i: a′ = activation(BatchNorm(a · weights) + bias)
//     <network>.<i>.bias      f32 [N]         BatchNorm's β, where the model has BatchNorm
//     <network>.<i>.gamma     f32 [N]         BatchNorm's γ, and its running statistics; only where the model has it
//     <network>.<i>.mean      f32 [N]
//     <network>.<i>.variance  f32 [N]
//     <network>.output.weights  f32 [K, 1]    the MLP's output unit
//
// <network> is `mlp`; or `context` and `item`, a two-tower model's, whose output is a vector: output.weights are [K, D] and
// output.bias [D]. The input of `mlp` is what the model's definition (trainer/model/zoo) says: the fields' embeddings side by
// side, then for PNN the inner products, then the elements of the outer product.

const LogPartSchema = v.object({
  paths: v.array(v.string()),
  part: v.exactOptional(v.picklist(["train", "valid", "test"])),
});
const RunSchema = v.object({ backend: v.picklist(BACKENDS), validLog: LogPartSchema });

/** Saves a trained model in `folder`. An export is calibrated with `validLog` unless told otherwise. */
export function saveRun(
  folder: string,
  model: TrainedModel & Pick<TrainingResult, "backend" | "valid">,
  validLog: LogPart,
): void {
  const { vocabulary, learner, spec, fitted, backend, valid } = model;
  const tensors = {
    "rows.keys": { shape: [vocabulary.size, 2], data: vocabulary.keys },
    "rows.fields": { shape: [vocabulary.size], data: vocabulary.fieldOf },
    "rows.counts": { shape: [vocabulary.size], data: vocabulary.counts },
    ...namedWeights(learner.model, learner.tables, learner.weights()),
  };
  writeWhole(
    join(folder, "model.safetensors"),
    writeSafetensors(tensors, { spec: JSON.stringify(spec), fitted: JSON.stringify(fitted) }),
  );
  writeWhole(join(folder, "run.json"), toJson({ ...runRecord(spec, backend), validLog, valid }));
}

export interface SavedRun extends TrainedModel {
  /** The log that chose the best epoch, with which exports are calibrated. */
  validLog: LogPart;
  trainedOn: Backend;
}

/**
 * Loads what `saveRun` saved. A TensorFlow.js backend must be started before the model predicts. Throws FormatError where a
 * file, a tensor or a setting is missing or does not fit.
 */
export function loadRun(folder: string): SavedRun {
  const path = join(folder, "model.safetensors");
  const { tensors, metadata } = readSafetensors(readFile(path), path);
  const spec = parseWith(FeatureSpecSchema, JSON.parse(metadata.spec ?? "null"), path);
  const fitted = parseWith(FittedSpecSchema, JSON.parse(metadata.fitted ?? "null"), path);
  const runPath = join(folder, "run.json");
  const run = parseWith(RunSchema, JSON.parse(new TextDecoder().decode(readFile(runPath))), runPath);

  if (tensors.dense && !tensors.bias) {
    throw new FormatError(
      `${path}: dense`,
      "got all dense weights in one tensor, as version 0.1.0 once saved them, expected a tensor for each: train again",
    );
  }
  const size = tensors["rows.counts"]?.data.length ?? 0;
  const vocabulary = new Vocabulary(
    spec.fields.length,
    tensorData(tensors, "rows.keys", "U32", [size, 2], path),
    tensorData(tensors, "rows.fields", "U16", [size], path),
    tensorData(tensors, "rows.counts", "U32", [size], path),
  );
  const learner = new Learner(spec, vocabulary, tfjsEngine);
  learner.restore(weightsFromNamed(learner.model, learner.tables, tensors, path));
  return { spec, fitted, vocabulary, learner, validLog: run.validLog, trainedOn: run.backend };
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FormatError(path, `not a trained model: ${(error as Error).message}`);
  }
}
