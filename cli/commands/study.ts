import { join } from "node:path";
import { type Command, Option } from "commander";
import { FormatError } from "../../format/errors.ts";
import { studyHead, studyReport, studyRows } from "../../lab/report/study-report.ts";
import { DEEP_MODELS, runStudy, STUDIES, type Study } from "../../lab/sweeps/study.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { table } from "../../trainer/terminal/table.ts";
import { readSpec, SPEC_HELP } from "./options.ts";
import { claimReport, type SweepFlags, sweepOptions, sweepText, withSweep } from "./sweep-options.ts";

const JSON_RESULT = jsonResult("study", "over");

interface StudyFlags extends SweepFlags {
  over: Study;
}

export function defineStudy(command: Command): void {
  command
    .argument("<spec>", SPEC_HELP)
    .addOption(
      new Option(
        "--over <setting>",
        "activation: relu, tanh, sigmoid (Figure 7). dropout: 1.0 to 0.5 of the units kept (8). " +
          "width: 100 to 800 units a layer (9). depth: 1 to 7 layers (10). " +
          "shape: constant, increasing, decreasing, diamond, with the spec's total of units (11)",
      )
        .choices(Object.keys(STUDIES))
        .makeOptionMandatory(),
    );
  withSweep(command, {
    test: "the log that the figures are about",
    models: DEEP_MODELS,
    seeds: 1,
    out: "runs/study",
    report: "report-<setting>.html",
    json: JSON_RESULT,
  }).action(studyAndReport);
}

async function studyAndReport(path: string, flags: StudyFlags): Promise<void> {
  const { over, models, seeds, out, json } = flags;
  const spec = readSpec(path);
  const flat = models.find((model) => !DEEP_MODELS.includes(model));
  if (flat) throw new FormatError("--models", `got ${flat}, expected models of ${DEEP_MODELS.join(", ")}`);
  const options = sweepOptions(flags, spec);
  const file = `report-${over}.html`;
  const claim = claimReport(file, flags, options, [spec, models]);
  const studied = await runStudy(over, spec, models, options);
  const report = join(out, file);
  claim();
  writeWhole(report, await studyReport(over, spec, studied, seeds));
  if (json) writeResult(json, toJson({ over, models: studied }), JSON_RESULT);
  console.log(table(studyHead(over), studyRows(studied, seeds)));
  console.log(sweepText(seeds, report));
}
