import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { columnOf, columnsOf } from "../../format/columns.ts";
import { NO_SCRATCH, preparer } from "../../format/prepare/prepared-values.ts";
import { labelOf, numberOf, type RawValue, textOf } from "../../format/raw-value.ts";
import { pieces } from "../../format/separated.ts";
import type { FeatureField, FeatureSpec } from "../../format/spec.ts";
import { openPart } from "../../trainer/data/logs.ts";
import { PROJECT } from "../../trainer/io/project.ts";

export function hasLightGbm(python: string): boolean {
  return spawnSync(python, ["-c", "import lightgbm"]).status === 0;
}

/** LightGBM's logits of a log's test part, after a training on the values of a spec's fields. */
export async function lightGbmLogits(
  spec: FeatureSpec,
  path: string,
  folder: string,
  python: string,
): Promise<Float64Array> {
  mkdirSync(folder);
  const types = Object.fromEntries(spec.fields.map(({ name, type }) => [name, type]));
  writeFileSync(join(folder, "columns.json"), JSON.stringify(types));
  for (const part of ["train", "valid", "test"] as const)
    writeFileSync(join(folder, `${part}.jsonl`), (await recordsOf(spec, path, part)).join("\n"));
  const script = join(PROJECT, "bench", "messy", "lightgbm_scores.py");
  const run = spawnSync(python, [script, folder], { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (run.status !== 0) throw new Error(`${script}: ${run.stderr}`);
  return Float64Array.from(JSON.parse(run.stdout) as number[]);
}

/** The records of a part as JSON: label, weight and the fields' values as their steps leave them. */
async function recordsOf(spec: FeatureSpec, path: string, part: "train" | "valid" | "test"): Promise<string[]> {
  await using log = await openPart(spec, { paths: [path], part });
  const columns = columnsOf(spec.fields);
  const { weight } = spec.data;
  const read = spec.fields.map((field) => ({ name: field.name, from: columnOf(field), value: valueReader(field) }));
  const records: string[] = [];
  for await (const { rows, columns: cells } of log.chunks([...columns, spec.label, ...(weight ? [weight] : [])]))
    for (let row = 0; row < rows; row++) {
      const cell = (c: number): RawValue => cells[c]?.[row];
      const x = read.map(({ name, from, value }) => [name, value(cell(columns.indexOf(from ?? name)))]);
      const w = weight ? numberOf(cell(columns.length + 1)) : 1;
      records.push(JSON.stringify({ y: labelOf(cell(columns.length)), w, x: Object.fromEntries(x) }));
    }
  return records;
}

/** What reads a field's value: a number, a text, or a list of texts; null where it is missing. */
function valueReader(field: FeatureField): (raw: RawValue) => number | string | readonly string[] | null {
  const prepare = preparer(field);
  const prepared = (raw: RawValue): RawValue => (prepare ? prepare(raw, field.name, NO_SCRATCH) : raw);
  const text = (raw: RawValue): string => textOf(raw) ?? "";
  if (field.type === "numeric") return (raw) => numberOf(prepared(raw));
  if (field.type === "categorical") return (raw) => text(prepared(raw)) || null;
  return (raw) => {
    const value = prepared(raw);
    const list = Array.isArray(value) ? value.map(text) : [...pieces(text(value), field.separator)];
    return list.filter((one) => one !== "");
  };
}
