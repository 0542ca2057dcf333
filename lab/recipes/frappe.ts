import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openLog } from "../../trainer/data/read.ts";
import { PROJECT } from "../../trainer/io/project.ts";
import { checkFile, type Recipe, type SpecInput, write } from "./recipe.ts";

const { $schema: _, ...spec } = JSON.parse(readFileSync(join(PROJECT, "examples", "frappe.json"), "utf8"));
const COLUMNS = ["label", ...(spec as SpecInput).fields.map(({ name }) => name)];
/** Of the official split. */
const RECORDS = { train: 202_027, valid: 57_722, test: 28_860 };

export const frappe: Recipe = {
  name: "frappe",
  about: "Use of mobile apps in context, 288,609 records; the official split",
  source:
    "Frappe is by Baltrunas et al. 2015 (baltrunas.info/context-aware), its split by He and Chua 2017 (github.com/hexiangnan/neural_factorization_machine). Expected: train.csv.gz, valid.csv.gz, test.csv.gz with the columns " +
    `${COLUMNS.join(", ")}.`,
  spec,
  async prepare(from, _out, parquet) {
    const parts = Object.keys(RECORDS) as (keyof typeof RECORDS)[];
    const files: Awaited<ReturnType<typeof checkFile>>[] = [];
    for (const part of parts) {
      const names = [`${part}.csv.gz`, `${part}.csv`];
      files.push(await checkFile(frappe.source, from, [{ names, columns: COLUMNS, records: RECORDS[part] }]));
    }
    for (const [i, { path, data }] of files.entries()) {
      const part = parts[i] as keyof typeof RECORDS;
      await write(await openLog(path, { data }), COLUMNS, parquet(part), part);
    }
  },
};
