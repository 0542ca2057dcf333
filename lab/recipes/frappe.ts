import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJson } from "../../format/parse.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { PROJECT } from "../../trainer/io/project.ts";
import { checkFile, type Recipe, type SpecInput, writeParquet } from "./recipe.ts";

// The spec is that of the example.
const EXAMPLE = join(PROJECT, "examples", "frappe.json");
const { $schema: _, ...spec } = parseJson(readFileSync(EXAMPLE, "utf8"), EXAMPLE) as SpecInput;
const COLUMNS = ["label", ...spec.fields.map(({ name }) => name)];
/** Records of the official split's parts. */
const RECORDS = { train: 202_027, valid: 57_722, test: 28_860 };

export const frappe: Recipe = {
  name: "frappe",
  about: "Use of mobile apps in context, 288,609 records; the official split",
  source:
    "Frappe is by Baltrunas et al. 2015 (baltrunas.info/context-aware), its split by He and Chua 2017 " +
    "(github.com/hexiangnan/neural_factorization_machine). Expected: train.csv.gz, valid.csv.gz, test.csv.gz with " +
    `the columns ${COLUMNS.join(", ")}.`,
  spec,
  async prepare(from, _out, parquet) {
    const parts = Object.keys(RECORDS) as (keyof typeof RECORDS)[];
    const files: Awaited<ReturnType<typeof checkFile>>[] = [];
    for (const part of parts) {
      const names = [`${part}.csv.gz`, `${part}.csv`];
      files.push(await checkFile(frappe.source, from, [{ names, columns: COLUMNS, records: RECORDS[part] }]));
    }
    for (const [i, { path, data }] of files.entries()) {
      const part = parts[i];
      await using log = await ClickLog.open(path, { data, output: parquet(part) });
      await writeParquet(log, COLUMNS, parquet(part), part);
    }
  },
};
