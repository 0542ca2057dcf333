import { join } from "node:path";
import { Command } from "commander";
import { parseFeatureSpec } from "../../format/spec.ts";
import { COMPARE_HEAD, compareReport, compareRows } from "../../lab/report/compare-report.ts";
import {
  compare,
  modelType,
  type NamedSpec,
  parseModelSettings,
  specsOfModels,
  TABLE_2,
} from "../../lab/sweeps/compare.ts";
import type { Backend } from "../../trainer/engine/backend.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { table } from "../../trainer/terminal/table.ts";
import {
  backendOption,
  commaSeparated,
  type LogOptions,
  positiveInteger,
  readText,
  SPEC_HELP,
  testedLogs,
  withLogs,
} from "./options.ts";

interface CompareCommandOptions extends LogOptions {
  models?: string[];
  seeds: number;
  settings?: string;
  out: string;
  json?: string;
  backend?: Backend;
}

export function compareCommand(): Command {
  const command = new Command("compare")
    .description(
      "Train the models of the DeepFM paper's Table 2 under one setting, and print that table for your data: AUC and logloss on the test log, parameters, training time as a ratio to LR.",
    )
    .argument(
      "<spec...>",
      `${SPEC_HELP}; its model.type is replaced. Each further spec is the setting of its own model`,
    );
  return withLogs(command, "the log that the table is about")
    .option("--models <names>", `models, separated by commas (default: ${TABLE_2.join(",")})`, commaSeparated)
    .option("--seeds <n>", "how many seeds: the spec's, and those that follow it", positiveInteger, 3)
    .option(
      "--settings <file>",
      'JSON, per model what differs from the spec: {"LR": {"training.optimizer": "ftrl"}, "FM": {"training.l2": 0.01}}',
    )
    .option("--out <folder>", "finished runs are kept here and not trained again; report.html", "runs/compare")
    .option("--json <file>", "write the table as JSON")
    .addOption(backendOption())
    .action(async (paths: string[], options: CompareCommandOptions) => {
      const { seeds, out, json, backend } = options;
      const specs = paths.map((path) => ({ path, spec: parseFeatureSpec(readText(path), path) }));
      const types = options.models?.map((name) => modelType(name, "--models")) ?? TABLE_2;
      const settings = options.settings ? parseModelSettings(readText(options.settings), options.settings) : {};
      const models = specsOfModels(specs, [...new Set(types)], settings, options.settings ?? "");
      const logs = testedLogs(options, (specs[0] as NamedSpec).spec);
      const compared = await compare(models, { logs, seeds, folder: join(out, "runs"), backend });
      writeWhole(join(out, "report.html"), await compareReport(compared, models, seeds));
      if (json) writeWhole(json, toJson({ models: compared }));
      console.log(table(COMPARE_HEAD, compareRows(compared, seeds)));
      console.log(`${seeds} ${seeds === 1 ? "seed" : "seeds"}, ${join(out, "report.html")}`);
    });
}
