// Runs a recipe on files of a test's own, or on the real data where it is beside the project.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { type FeatureSpec, parseFeatureSpec } from "../../../format/spec.ts";
import { type Recipe, runRecipe } from "../../../lab/recipes/recipe.ts";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { sharedPath } from "../../trainer/shared-data.ts";

/** A folder of the running test, removed at its end: a module may be loaded once for several test files. */
function ownFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "deepfm-edge-recipes-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const PARTS = ["train", "valid", "test"] as const;

/** Writes files into a folder of that name, and returns its path. */
export function made(name: string, files: Record<string, string | Uint8Array>): string {
  const path = join(ownFolder(), name);
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

export interface Cooked {
  spec: FeatureSpec;
  rows: Record<string, unknown>[][];
  warnings: string;
  out: string;
}

/** What a recipe writes, read back. */
export async function cook(recipe: Recipe, from: string): Promise<Cooked> {
  const out = ownFolder();
  const written = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  let warnings: string;
  try {
    await runRecipe(recipe, from, out);
    warnings = written.mock.calls
      .flat()
      .filter((text) => String(text).startsWith("warning"))
      .join("");
  } finally {
    written.mockRestore();
  }
  expect(readdirSync(out).sort()).toEqual(["spec.json", "test.parquet", "train.parquet", "valid.parquet"]);
  const spec = parseFeatureSpec(readFileSync(join(out, "spec.json"), "utf8"), "spec.json");
  const rows = await Promise.all(PARTS.map((part) => rowsOf(join(out, `${part}.parquet`))));
  return { spec, rows, warnings, out };
}

async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  await using log = await ClickLog.open(path);
  const rows: Record<string, unknown>[] = [];
  for await (const { rows: count, columns } of log.chunks(log.columns)) {
    for (let row = 0; row < count; row++)
      rows.push(Object.fromEntries(log.columns.map((name, c) => [name, columns[c]?.[row]])));
  }
  return rows;
}

/** Checks that the trainer can encode what a recipe wrote. Returns how many rows the training log gives. */
export async function trainable({ spec, out }: Cooked): Promise<number> {
  const cache = join(out, "cache");
  const log = await openTrainingLog(spec, { paths: [join(out, "train.parquet")] }, cache);
  for (const part of ["valid", "test"])
    await openHeldOutLog(spec, log, { paths: [join(out, `${part}.parquet`)] }, cache);
  return log.vocabulary.size;
}

/** Skips where the real data is not beside the project, and says so in the test's name. */
export function withData(name: string): { run: typeof it; title: (title: string) => string } {
  const there = existsSync(sharedPath(name));
  return {
    run: (there ? it : it.skip) as typeof it,
    title: (title) => (there ? title : `${title}: skipped, no ../shared/data/${name}`),
  };
}
