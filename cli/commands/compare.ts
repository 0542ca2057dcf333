import { join } from "node:path";
import type { Command } from "commander";
import { comparisonReport, comparisonTable } from "../../lab/report/comparison-report.ts";
import { compareModels, TABLE_2 } from "../../lab/sweeps/comparison.ts";
import { parseModelSettings, specsOfModels } from "../../lab/sweeps/model-specs.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { table } from "../../trainer/terminal/table.ts";
import { readSpec, readText, SPEC_HELP } from "./options.ts";
import { claimReport, type SweepFlags, sweepOptions, sweepText, withSweep } from "./sweep-options.ts";

const REPORT = "report.html";
const JSON_RESULT = jsonResult("compare", "models");

interface CompareFlags extends SweepFlags {
  settings?: string;
}

export function defineCompare(command: Command): void {
  command.argument(
    "<spec...>",
    `${SPEC_HELP}; its model.type is replaced. Each further spec is the setting of its own model`,
  );
  withSweep(command, {
    test: "the log that the table is about",
    models: TABLE_2,
    seeds: 3,
    out: "runs/compare",
    report: REPORT,
    json: JSON_RESULT,
  })
    .option(
      "--settings <file>",
      "JSON, per model what differs from the spec: " +
        '{"LR": {"training.optimizer": "ftrl"}, "FM": {"training.l2": 0.01}}',
    )
    .action(compareAndReport);
}

async function compareAndReport(paths: [string, ...string[]], flags: CompareFlags): Promise<void> {
  const { seeds, out, json, settings: path } = flags;
  const [first] = paths;
  const specs = paths.map((specPath) => ({ path: specPath, spec: readSpec(specPath) }));
  const settings = path === undefined ? {} : parseModelSettings(readText(path), path);
  const models = specsOfModels(specs, flags.models, settings, path ?? "");
  const options = sweepOptions(flags, readSpec(first));
  const claim = claimReport(REPORT, flags, options, models);
  const compared = await compareModels(models, options);
  const report = join(out, REPORT);
  claim();
  writeWhole(report, await comparisonReport(compared, models, seeds));
  if (json) writeResult(json, toJson({ models: compared }), JSON_RESULT);
  const { head, rows } = comparisonTable(compared, seeds);
  console.log(table(head, rows));
  console.log(sweepText(seeds, report));
}
