import { existsSync } from "node:fs";
import { join } from "node:path";
import { movielens } from "../../lab/recipes/movielens.ts";
import { runRecipe } from "../../lab/recipes/recipe.ts";
import { generateLog } from "../../trainer/data/generate.ts";
import type { Logs } from "../../trainer/data/logs.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { writeIncome } from "./income.ts";

/** The models, with the learning rate that suits each. */
export const MODELS = [
  { type: "LR", learningRate: 0.01 },
  { type: "FM", learningRate: 0.004 },
  { type: "DeepFM", learningRate: 0.002 },
] as const;

/** A log whose numbers are encoded in several ways. */
export interface NumericLog {
  name: string;
  /** The fields whose encoding is compared. */
  numbers: readonly string[];
  /** What the spec says beside the numeric fields. */
  rest: { fields: readonly object[]; data?: { split: object; [key: string]: unknown }; label?: string };
  training: { batchSize: number; patience?: number };
  /** The L2 that suits each model. */
  l2: Record<(typeof MODELS)[number]["type"], number>;
  model: object;
  /** Makes the logs of one seed in a folder of their own; null where their source is not there. */
  prepare(folder: string, seed: number): Promise<Logs | null>;
}

const categorical = (name: string, minCount = 1): object => ({
  name,
  type: "categorical",
  encoding: { kind: "vocabulary", minCount },
});
const multi = (name: string, separator: string): object => ({ name, type: "multi-categorical", separator });

function threeLogs(folder: string, end: string): Logs {
  const of = (part: string): { paths: string[] } => ({ paths: [join(folder, `${part}.${end}`)] });
  return { train: of("train"), valid: of("valid"), test: of("test") };
}

/** The parts that `data.split` makes of one file. */
function partsOf(path: string): Logs | null {
  if (!existsSync(path)) return null;
  const of = <P>(part: P): { paths: string[]; part: P } => ({ paths: [path], part });
  return { train: of("train"), valid: of("valid"), test: of("test") };
}

/** `shared`: the folder of public data sets, which may be absent. */
export function numericLogs(shared: string): NumericLog[] {
  return [
    {
      name: "income",
      numbers: ["age", "education", "hours", "gain", "loss", "weight"],
      rest: { fields: [categorical("occupation"), categorical("relation")] },
      training: { batchSize: 512 },
      l2: { LR: 1e-5, FM: 1e-4, DeepFM: 1e-4 },
      model: { embeddingDim: 8, hidden: [32, 16] },
      async prepare(folder, seed) {
        for (const [part, rows, at] of [
          ["train", 16_000, 0],
          ["valid", 4_000, 1],
          ["test", 20_000, 2],
        ] as const)
          writeIncome(join(folder, `${part}.csv`), rows, 10 * seed + at);
        return threeLogs(folder, "csv");
      },
    },
    {
      name: "generated",
      numbers: ["hour", "age", "price"],
      rest: {
        fields: [
          ...["user", "item"].map((name) => categorical(name, 2)),
          ...["country", "device", "category"].map((name) => categorical(name)),
          multi("tags", "|"),
        ],
      },
      training: { batchSize: 1024, patience: 5 },
      l2: { LR: 1e-4, FM: 1e-3, DeepFM: 1e-2 },
      model: { embeddingDim: 8, hidden: [32, 16], dropout: 0.1 },
      async prepare(folder, seed) {
        using task = startTask("generate", null, "record");
        await generateLog(folder, 40_000, seed, task);
        return threeLogs(folder, "csv");
      },
    },
    {
      name: "Criteo's sample",
      numbers: Array.from({ length: 13 }, (_, i) => `I${i + 1}`),
      rest: {
        label: "Label",
        fields: Array.from({ length: 26 }, (_, i) => categorical(`C${i + 1}`, 10)),
        data: { split: { kind: "random", valid: 0.15, test: 0.25 } },
      },
      training: { batchSize: 128 },
      l2: { LR: 1e-3, FM: 1e-2, DeepFM: 1e-2 },
      model: { embeddingDim: 4, hidden: [16], dropout: 0.5 },
      async prepare() {
        return partsOf(join(shared, "criteo", "train.tiny.csv.gz"));
      },
    },
    {
      name: "MovieLens",
      numbers: ["age", "year"],
      rest: {
        fields: [
          ...["user", "gender", "occupation", "region", "item"].map((name) => categorical(name)),
          multi("genres", " "),
        ],
      },
      training: { batchSize: 2048 },
      l2: { LR: 1e-4, FM: 1e-3, DeepFM: 1e-3 },
      model: { embeddingDim: 8, hidden: [32, 16], dropout: 0.2 },
      async prepare(folder) {
        const from = join(shared, "ml-100k");
        if (!existsSync(from)) return null;
        if (!existsSync(join(folder, "test.parquet"))) await runRecipe(movielens, from, folder);
        return threeLogs(folder, "parquet");
      },
    },
    {
      name: "MovieLens, times",
      numbers: ["timestamp:float"],
      rest: {
        fields: ["user_id:token", "item_id:token"].map((name) => categorical(name)),
        data: {
          format: "tsv",
          select: { label: '"rating:float"::DOUBLE >= 4' },
          split: { kind: "random", valid: 0.1, test: 0.1 },
        },
      },
      training: { batchSize: 2048 },
      l2: { LR: 1e-4, FM: 1e-3, DeepFM: 1e-3 },
      model: { embeddingDim: 8, hidden: [32, 16], dropout: 0.2 },
      async prepare() {
        return partsOf(join(shared, "ml-100k", "ml-100k.inter.gz"));
      },
    },
  ];
}
