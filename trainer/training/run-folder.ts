import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { FittedSpecSchema } from "../../format/fitted-spec.ts";
import { FeatureSpecSchema } from "../../format/spec.ts";
import { CalibrationSchema } from "../calibration/fit.ts";
import { withFixedDefaults } from "../data/default-settings.ts";
import type { LogPart } from "../data/logs.ts";
import { Vocabulary } from "../data/vocabulary.ts";
import { type AskedEngine, ENGINES, engineFactory, engineOfRun, PLATFORMS } from "../engine/engines.ts";
import { toJson, writeWhole } from "../io/files.ts";
import { makeFolder } from "../io/folders.ts";
import { readJson, readJsonText } from "../io/json-file.ts";
import { readSafetensors, tensorData, writeSafetensors } from "../io/safetensors.ts";
import { noSuchFile } from "../io/system-fault.ts";
import { Learner } from "../model/learner.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import { namedWeights, weightsFromNamed } from "../model/weights.ts";
import { type RunRecord, runRecord } from "./run-record.ts";
import { findSavedLog, SavedLogSchema, savedLog } from "./saved-log.ts";
import type { TrainingResult } from "./train.ts";

// What `train` leaves in a run folder: model.safetensors, and the text files of run-record.ts.
//
// model.safetensors has the format of that name, which readers in many languages know. It holds all that is needed of a
// run later, so that files of two runs are never mixed. Its metadata are its checksum and three texts in JSON: `spec`,
// the user's with all defaults filled in, `fitted`, which encodes records, and `run`, what it was trained with and the
// validation log; a calibrated model's have `calibration` too. Its tensors, for V rows over F fields, row vectors of D
// numbers, and layers of K inputs and N units:
//
//     rows.keys                 u32 [V, 2]      the 64-bit key of (field, value): low word, high word; 0 for an OOV row
//     rows.fields               u16 [V]         the row's field; the first F rows are the fields' OOV rows, in order
//     rows.counts               u32 [V]         how often the training log used the row
//     rows.values               f32 [V, D + 1]  the row: w, v₁ … v_D
//     bias                      f32 [1]         w₀
//     <network>.<i>.weights     f32 [K, N]      hidden layer i: activation(x · weights + bias), or with BatchNorm
//     <network>.<i>.bias        f32 [N]         activation(gamma · (x · weights − mean) / √(variance + 1e-5) + bias)
//     <network>.<i>.gamma       f32 [N]         with BatchNorm only, as are the two below
//     <network>.<i>.mean        f32 [N]         the running mean of x · weights
//     <network>.<i>.variance    f32 [N]         and its running variance
//     <network>.output.weights  f32 [K, N]      the last layer, which is linear
//     <network>.output.bias     f32 [N]         for towers only: an MLP's one output unit has w₀ for its bias
//
// <network> is `mlp`; the two-tower model has `context` and `item`, with N = D in the last layer. Models without a
// network (LR, FM) have `bias` alone. The input of a network is the embeddings of its fields side by side, v[mlpFrom,
// D) of each; PNN's has the inner products after them, and then the outer products (trainer/model/zoo has mlpFrom and
// the products of each model).

/** What makes a folder one of a finished run. */
export const MODEL_FILE = "model.safetensors";

/** What a run says of itself: `run` in its model.safetensors; an earlier version's run has it in run.json alone. */
const RunSchema = v.object({
  engine: v.exactOptional(v.picklist(ENGINES)),
  backend: v.picklist(PLATFORMS),
  device: v.exactOptional(v.picklist(["gpu", "cpu"])),
  threads: v.exactOptional(v.nullable(v.number())),
  versions: v.record(v.string(), v.string()),
  variables: v.exactOptional(v.record(v.string(), v.nullable(v.string()))),
  validLog: SavedLogSchema,
});

/** Saves a trained model in `folder`. An export is calibrated with `validLog` unless told otherwise. */
export function saveRun(
  folder: string,
  model: TrainedModel & Pick<TrainingResult, "engine" | "valid">,
  validLog: LogPart,
): void {
  const { vocabulary, learner, spec, fitted, engine, valid, calibration } = model;
  const tensors = {
    "rows.keys": { shape: [vocabulary.size, 2], data: vocabulary.keys },
    "rows.fields": { shape: [vocabulary.size], data: vocabulary.fieldOf },
    "rows.counts": { shape: [vocabulary.size], data: vocabulary.counts },
    ...namedWeights(learner.model, learner.tables, learner.ownWeights()),
  };
  makeFolder(folder);
  const record = runRecord(spec, engine);
  const { spec: _, seed: __, ...trainedWith } = record;
  const run = { ...trainedWith, validLog: savedLog(validLog, folder) };
  const texts = {
    ...{ spec: JSON.stringify(spec), fitted: JSON.stringify(fitted), run: JSON.stringify(run) },
    ...(calibration && { calibration: JSON.stringify(calibration) }),
  };
  writeSafetensors(join(folder, MODEL_FILE), tensors, texts);
  writeWhole(join(folder, "run.json"), toJson({ ...record, validLog, valid, ...(calibration && { calibration }) }));
}

export interface SavedRun extends TrainedModel {
  /**
   * Finds the log that chose the best epoch, with which exports are calibrated. Throws FormatError where it is gone.
   */
  findValidLog: () => LogPart;
  /** What it was trained with; earlier versions did not record the engine, the device and the threads. */
  record: Pick<RunRecord, "backend" | "versions"> &
    Partial<Pick<RunRecord, "engine" | "device" | "threads" | "variables">>;
}

/**
 * Loads what `saveRun` saved, with the run's own engine or the one asked for, which must be started before the model
 * predicts. Throws FormatError where a file, a tensor or a setting is missing or does not fit.
 */
export function loadRun(folder: string, asked: AskedEngine = {}): SavedRun {
  const path = join(folder, MODEL_FILE);
  const { tensors, metadata } = readModel(path);
  const spec = withFixedDefaults(readJsonText(metadata.spec ?? "null", FeatureSpecSchema, `${path}: spec`));
  const fitted = readJsonText(metadata.fitted ?? "null", FittedSpecSchema, `${path}: fitted`);
  const [got, expected] = [fitted, spec].map(({ fields }) =>
    fields.map(({ name, type }) => `${name} (${type})`).join(),
  );
  if (got !== expected) throw new FormatError(`${path}: fitted: fields`, `got ${got}, expected ${expected} as in spec`);
  const run = metadata.run ? readJsonText(metadata.run, RunSchema, `${path}: run`) : olderRun(folder);

  const calibration = metadata.calibration && {
    calibration: readJsonText(metadata.calibration, CalibrationSchema, `${path}: calibration`),
  };

  const counts = tensors["rows.counts"];
  if (!counts) throw new FormatError(`${path}: rows.counts`, "got nothing, expected U32 [V]");
  if (tensors.dense && !tensors.bias) {
    throw new FormatError(
      `${path}: dense`,
      "got all dense weights in one tensor, as earlier versions saved them, expected each under its own name: " +
        "train again",
    );
  }
  const size = counts.data.length;
  const fieldOf = tensorData(tensors, "rows.fields", "U16", [size], path);
  checkFields(fieldOf, spec.fields.length, `${path}: rows.fields`);
  const vocabulary = new Vocabulary(
    spec.fields.length,
    tensorData(tensors, "rows.keys", "U32", [size, 2], path),
    fieldOf,
    tensorData(tensors, "rows.counts", "U32", [size], path),
    `${path}: rows.keys`,
  );
  const { validLog, ...record } = run;
  const learner = new Learner(spec, vocabulary, engineFactory(engineOfRun(record, asked), asked.threads));
  learner.restore(weightsFromNamed(learner.model, learner.tables, tensors, path));
  const found = { record, findValidLog: () => findSavedLog(validLog, folder) };
  return { spec, fitted, vocabulary, learner, ...calibration, ...found };
}

/** Throws FormatError where rows are of fields that there are not, or the first ones are not the fields' OOV rows. */
function checkFields(fieldOf: Uint16Array, fields: number, place: string): void {
  if (fieldOf.length < fields)
    throw new FormatError(place, `got ${fieldOf.length} rows, expected at least one for each of ${fields} fields`);
  const row = fieldOf.findIndex((field, at) => (at < fields ? field !== at : field >= fields));
  if (row < 0) return;
  const expected = row < fields ? `${row}, as of its OOV row` : `one of 0 to ${fields - 1}`;
  throw new FormatError(place, `got the field ${fieldOf[row]} of row ${row}, expected ${expected}`);
}

function readModel(path: string): ReturnType<typeof readSafetensors> {
  if (existsSync(path)) return readSafetensors(path);
  throw noSuchFile(path, "expected the folder that `train` wrote");
}

/** A run of an earlier version: its paths begin at the folder in which it was trained, which may be this one. */
function olderRun(folder: string): v.InferOutput<typeof RunSchema> {
  const run = readJson(join(folder, "run.json"), RunSchema);
  return { ...run, validLog: savedLog(run.validLog, folder) };
}
