import { basename } from "node:path";
import type { DataSettings } from "../../format/spec.ts";
import { findFiles } from "../../trainer/data/files.ts";
import { UserError } from "../../trainer/errors.ts";
import { sampleLog } from "../../trainer/profile/log-sample.ts";
import { dialectOf } from "./dialect.ts";
import { type Survey, survey } from "./survey.ts";

/** Records of a sample: as many as tell the rare values of a column from the frequent ones. */
export const SAMPLE_RECORDS = 200_000;

/** Reads a sample of a log of at most some `most` records, and looks at its columns. */
export async function surveyLog(paths: readonly string[], data: Partial<DataSettings>, most: number): Promise<Survey> {
  const { files, format } = findFiles(paths, data.format);
  const dialect = files[0] === undefined ? {} : await dialectOf(files[0], format);
  const settings: DataSettings = { types: {}, hive: false, select: {}, shuffle: 1, ...data, ...dialect };
  const sample = await sampleLog(paths, settings, most);
  if (sample.records === 0) throw new UserError(`${sample.log}: got no record, expected some to look at`);
  return survey(sample, settings);
}

/** A model's name for a log: that of its first file, in the letters that such a name may have. */
export function modelNameFor(paths: readonly string[], format?: DataSettings["format"]): string {
  const [path = "model"] = paths;
  const file = /[*?[{]/.test(path) ? (findFiles(paths, format).files[0] ?? path) : path;
  const stem = basename(file)
    .toLowerCase()
    .replace(/(\.(csv|tsv|jsonl|ndjson|parquet|libsvm|svm|libffm|ffm|txt|gz|zst))+$/, "");
  const name = stem.replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  return name.slice(0, 64) || "model";
}
