import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../../format/counted.ts";
import { FormatError, show } from "../../format/errors.ts";
import { parseWith } from "../../format/parse.ts";
import { type DataSettings, FeatureSpecSchema } from "../../format/spec.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import type { Part } from "../../trainer/data/split.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { systemFault } from "../../trainer/io/system-fault.ts";
import { removeQuietly, temporaryPath } from "../../trainer/io/temporary.ts";
import { startTask } from "../../trainer/terminal/progress.ts";

// A recipe turns a public data set, as its owner gives it out, into what `train` takes: train, validation and test
// files, and a feature spec with the settings that are usual in the literature.

/** A feature spec before its defaults are filled in. */
export type SpecInput = Record<string, unknown> & { fields: readonly { name: string; [key: string]: unknown }[] };

export interface Recipe {
  name: string;
  about: string;
  /** Where a user gets the files, and what files they are. */
  source: string;
  spec: SpecInput;
  /** Checks the files in the folder `from`, and writes each part to the path `parquet(part)`, in the folder `out`. */
  prepare(from: string, out: string, parquet: (part: Part) => string): Promise<void>;
}

/** A file of a data set, as it has to be. */
export interface KnownFile {
  /** Names that it may have; the first one that exists is read. */
  names: readonly string[];
  data?: Partial<DataSettings>;
  /** Columns that it must have, by their names in the file. */
  columns: readonly string[];
  /** Records of the whole data set. */
  records: number;
  /** Whether a file with fewer records is taken as a sample; otherwise it is refused. */
  sample?: boolean;
}

/**
 * Runs a recipe, which alone writes into the folder `out` meanwhile. A file that has its final name is whole: each is
 * written under another name first. `written` is called just before they get their names. Throws UserError where the
 * system refuses to write.
 */
export async function runRecipe(recipe: Recipe, from: string, out: string, written = (): void => {}): Promise<void> {
  parseWith(FeatureSpecSchema, recipe.spec, `recipe ${recipe.name}`);
  const parts: Part[] = ["train", "valid", "test"];
  using _lock = new FolderLock(out);
  const final = (part: Part): string => join(out, `${part}.parquet`);
  const unfinished = {
    train: temporaryPath(final("train")),
    valid: temporaryPath(final("valid")),
    test: temporaryPath(final("test")),
  };
  try {
    await recipe.prepare(from, out, (part) => unfinished[part]);
    written();
    for (const part of parts) renameSync(unfinished[part], final(part));
  } catch (error) {
    for (const part of parts) removeQuietly(unfinished[part]);
    throw systemFault(out, error);
  }
  writeWhole(join(out, "spec.json"), toJson(recipe.spec));
}

export function dataSettings(data: Partial<DataSettings>): DataSettings {
  return { types: {}, hive: false, select: {}, shuffle: 1, ...data };
}

/**
 * Finds a file of a data set in the folder `from`, in one of its layouts. Throws FormatError where there is none, or
 * where its columns or the number of its records are not those of the data set.
 */
export async function checkFile(
  source: string,
  from: string,
  layouts: readonly KnownFile[],
): Promise<{ path: string; data: DataSettings }> {
  const known = layouts.find(({ names }) => names.some((name) => existsSync(join(from, name))));
  const name = known?.names.find((one) => existsSync(join(from, one)));
  if (!known || name === undefined) {
    const names = layouts.flatMap((layout) => layout.names).join(", ");
    throw new FormatError(from, `got none of ${names}, expected one. ${source}`);
  }
  const path = join(from, name);
  const data = dataSettings(known.data ?? {});
  // Without `select`, whose SQL fails where a column is missing: that is checked below, with a better error.
  await using log = await ClickLog.open(path, { data: { ...data, select: {} } });
  const missing = known.columns.find((column) => !log.columns.includes(column));
  if (missing !== undefined)
    throw new FormatError(
      path,
      `got the columns ${log.columns.map(show).join(", ")}, expected also ${show(missing)}. ${source}`,
    );
  const count = await log.count();
  if (count === known.records) return { path, data };
  const problem = `got ${counted(count, "record")}, expected the ${known.records.toLocaleString("en")} of the whole data set`;
  if (!known.sample || count > known.records) throw new FormatError(path, problem);
  process.stderr.write(`warning: ${path}: ${problem}; taken as a sample\n`);
  return { path, data };
}

/** Divides a log as `data.split` says, and writes each part. */
export async function writeParts(
  path: string,
  data: Partial<DataSettings>,
  columns: readonly string[],
  parquet: (part: Part) => string,
): Promise<void> {
  for (const part of ["train", "valid", "test"] as const) {
    await using log = await ClickLog.open(path, { data: dataSettings(data), part, output: parquet(part) });
    await writeParquet(log, columns, parquet(part), part);
  }
}

/** Writes columns of a log as a Parquet file. `name` is shown with the progress. */
export async function writeParquet(
  log: ClickLog,
  columns: readonly string[],
  path: string,
  name: string,
): Promise<void> {
  using task = startTask(name, null, "record");
  await log.copy(columns, path);
  await using written = await ClickLog.open(path, { data: dataSettings({ format: "parquet" }) });
  task.advance(await written.count());
  task.done();
}
