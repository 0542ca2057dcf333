import { join } from "node:path";
import { Command, Option } from "commander";
import { FormatError } from "../../format/errors.ts";
import { parseFeatureSpec } from "../../format/spec.ts";
import { studyHead, studyReport, studyRows } from "../../lab/report/study-report.ts";
import { modelType } from "../../lab/sweeps/compare.ts";
import { DEEP_MODELS, runStudy, STUDIES, type Study } from "../../lab/sweeps/study.ts";
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

interface StudyCommandOptions extends LogOptions {
  over: Study;
  models?: string[];
  seeds: number;
  out: string;
  json?: string;
  backend?: Backend;
}

export function studyCommand(): Command {
  const command = new Command("study")
    .description("Train the deep models over a range of one setting, and print and plot it as the DeepFM paper does.")
    .argument("<spec>", SPEC_HELP)
    .addOption(
      new Option(
        "--over <setting>",
        "activation: relu, tanh, sigmoid (Figure 7). dropout: 1.0 to 0.5 of the units kept (8). width: 100 to 800 units a layer (9). depth: 1 to 7 layers (10). shape: constant, increasing, decreasing, diamond, with the spec's total of units (11)",
      )
        .choices(Object.keys(STUDIES))
        .makeOptionMandatory(),
    );
  return withLogs(command, "the log that the figures are about")
    .option("--models <names>", `models, separated by commas (default: ${DEEP_MODELS.join(",")})`, commaSeparated)
    .option("--seeds <n>", "how many seeds: the spec's, and those that follow it", positiveInteger, 1)
    .option(
      "--out <folder>",
      "finished runs are kept here and not trained again; report-<setting>.html",
      join("runs", "study"),
    )
    .option("--json <file>", "write the table as JSON")
    .addOption(backendOption())
    .action(async (path: string, options: StudyCommandOptions) => {
      const { over, seeds, out, json, backend } = options;
      const spec = parseFeatureSpec(readText(path), path);
      const models = (options.models ?? DEEP_MODELS).map((name) => modelType(name, "--models"));
      const flat = models.find((model) => !DEEP_MODELS.includes(model));
      if (flat) throw new FormatError("--models", `got ${flat}, expected models of ${DEEP_MODELS.join(", ")}`);
      const logs = testedLogs(options, spec);
      const studied = await runStudy(over, spec, models, { logs, seeds, folder: join(out, "runs"), backend });
      const report = join(out, `report-${over}.html`);
      writeWhole(report, await studyReport(over, spec, studied, seeds));
      if (json) writeWhole(json, toJson({ over, models: studied }));
      console.log(table(studyHead(over), studyRows(studied, seeds)));
      console.log(`${seeds} ${seeds === 1 ? "seed" : "seeds"}, ${report}`);
    });
}
