import { checkFile, type Recipe, writeParts } from "./recipe.ts";

// As in the BARS benchmark (Avazu_x4): the id is no feature, and the hour becomes hour of day, weekday and weekend. The
// model takes it apart itself, so that a request sends the hour as the log has it.

const PLAIN = [
  ...["C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category"],
  ...["device_id", "device_ip", "device_model", "device_type", "device_conn_type"],
  ...["C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21"],
];
/** Columns that describe the ad; the others describe the visitor or the page. */
const OF_ITEM = new Set(["banner_pos", "C14", "C15", "C16", "C17"]);
const SPLIT = { kind: "random", valid: 0.1, test: 0.1, seed: 2014 } as const;

/** `hour` is YYMMDDHH. */
const FORMAT = "%y%m%d%H";
const TIME = [
  { name: "hour_of_day", prepare: [{ time: "hour", format: FORMAT }] },
  { name: "weekday", prepare: [{ time: "weekday", format: FORMAT }] },
  // Saturday and Sunday are values; the other days are missing, which is one value.
  { name: "weekend", prepare: [{ time: "weekday", format: FORMAT }, { capture: "([67])" }] },
].map((field) => ({ ...field, from: "hour" }));
const COLUMNS = ["hour", ...PLAIN];

export const avazu: Recipe = {
  name: "avazu",
  about: "Mobile advertising, 40.4 million impressions of 10 days; a random 80/10/10 split",
  source:
    "Get train.gz from “Click-Through Rate Prediction”, Avazu (kaggle.com/c/avazu-ctr-prediction): CSV with a " +
    "header, the columns id, click, hour, C1 … C21.",
  spec: {
    name: "avazu",
    fields: [...TIME, ...PLAIN.map((name) => ({ name }))].map((field) => ({
      ...field,
      type: "categorical",
      encoding: { kind: "vocabulary", minCount: 2 },
      ...(OF_ITEM.has(field.name) && { side: "item" }),
    })),
    model: { embeddingDim: 16, hidden: [400, 400, 400], dropout: 0.2 },
    training: {
      batchSize: 8192,
      maxEpochs: 10,
      learningRate: 0.001,
      patience: 1,
      monitor: "auc",
      rateDrops: 1,
      l2: 1e-6,
    },
  },
  async prepare(from, _out, parquet) {
    const { path, data } = await checkFile(avazu.source, from, [
      {
        names: ["train.csv", "train.gz", "train.csv.gz"],
        data: { format: "csv", select: { label: "click" } },
        columns: ["id", "click", ...COLUMNS],
        records: 40_428_967,
        sample: true,
      },
    ]);
    await writeParts(path, { ...data, split: SPLIT }, ["label", ...COLUMNS], parquet);
  },
};
