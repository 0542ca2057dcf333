import { join } from "node:path";
import { FeatureSpecSchema } from "../../format/spec.ts";
import { parseSettings } from "../../format/unknown-key.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { openPart } from "../../trainer/data/logs.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { exportRun } from "../../trainer/export/export-run.ts";
import { runRecord } from "../../trainer/training/run-record.ts";
import { train } from "../../trainer/training/train.ts";

// Two models of what visitors of the shop click: one knows what each item is worth to all, the other who likes what.

const FIELDS = [
  { name: "segment", type: "categorical", side: "context" },
  { name: "device", type: "categorical", side: "context" },
  { name: "item", type: "categorical", side: "item" },
  { name: "category", type: "categorical", side: "item" },
  { name: "brand", type: "categorical", side: "item" },
  { name: "price", type: "numeric", encoding: { kind: "log2" }, side: "item" },
];
const TRAINING = { batchSize: 1024, maxEpochs: 8, learningRate: 0.005, patience: 1 };
export const MODELS = {
  "shop-lr": { type: "LR" },
  "shop-deepfm": { type: "DeepFM", embeddingDim: 8, hidden: [64, 32] },
} as const;
export type ShopModel = keyof typeof MODELS;

/** Trains a model on the shop's log and exports it into `folder`. */
export async function trainShopModel(
  name: ShopModel,
  log: { train: string; valid: string },
  folder: string,
): Promise<ExportedModel> {
  const settings = { name, label: "label", fields: FIELDS, model: MODELS[name], training: TRAINING };
  const spec = parseSettings(FeatureSpecSchema, settings, name);
  const [trainLog, valid] = [{ paths: [log.train] }, { paths: [log.valid] }];
  const cache = join(folder, "cache");
  const trained = await train(spec, { train: trainLog, valid, cache });
  await using heldOut = await openPart(spec, valid);
  const { exported } = await exportRun(trained, {
    folder: join(folder, name),
    quantization: "int8",
    limits: { auc: 0.01, logloss: 0.01 },
    calibrationLog: await openHeldOutLog(spec, trained, valid, cache),
    heldOutLog: heldOut,
    trainedWith: runRecord(trained.spec, trained.engine),
  });
  return exported;
}
