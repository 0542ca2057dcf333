import { checkFile, type KnownFile, type Recipe, writeParts } from "./recipe.ts";

// As Juan et al. 2014, the winners of the challenge, did: a count x becomes floor(ln(x)²), and all values of a field
// that are seen fewer than ten times become one.

const COUNTS = Array.from({ length: 13 }, (_, i) => `I${i + 1}`);
const IDS = Array.from({ length: 26 }, (_, i) => `C${i + 1}`);
const SPLIT = { kind: "random", valid: 0.1, test: 0.1, seed: 2014 } as const;

const common = { records: 45_840_617, sample: true };
/** The file as Criteo gives it out: tab-separated, the label first, no header. */
const RAW: KnownFile = {
  ...common,
  names: ["train.txt", "train.txt.gz"],
  data: { format: "tsv", columns: ["label", ...COUNTS, ...IDS] },
  columns: [],
};
/** The file as the competition had it at first: with a header and numbered rows. */
const NAMED: KnownFile = {
  ...common,
  names: ["train.csv", "train.csv.gz", "train.tiny.csv.gz"],
  data: { format: "csv", select: { label: "Label" } },
  columns: ["Label", ...COUNTS, ...IDS],
};

export const criteo: Recipe = {
  name: "criteo",
  about: "Display advertising, 45.8 million impressions of 7 days; a random 80/10/10 split",
  source:
    "Get train.txt from Criteo AI Lab, “Kaggle Display Advertising Challenge dataset” " +
    "(kaggle.com/c/criteo-display-ad-challenge): tab-separated, no header, the label, 13 integers, 26 categories.",
  spec: {
    name: "criteo",
    fields: [
      ...COUNTS.map((name) => ({ name, type: "numeric", encoding: { kind: "log2", minCount: 10 } })),
      ...IDS.map((name) => ({ name, type: "categorical", encoding: { kind: "vocabulary", minCount: 10 } })),
    ],
    model: { embeddingDim: 10, hidden: [400, 400, 400], dropout: 0.5 },
    training: {
      batchSize: 4096,
      maxEpochs: 20,
      learningRate: 0.001,
      patience: 1,
      monitor: "auc",
      rateDrops: 1,
      l2: 1e-5,
    },
  },
  async prepare(from, _out, parquet) {
    const { path, data } = await checkFile(criteo.source, from, [RAW, NAMED]);
    await writeParts(path, { ...data, split: SPLIT }, ["label", ...COUNTS, ...IDS], parquet);
  },
};
