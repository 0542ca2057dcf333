import { Command, InvalidArgumentError, Option } from "commander";
import { counted } from "../../../format/counted.ts";
import { exportTrainingLog } from "../../../lab/analysis/export/training-log.ts";
import { LABELS, type Labels, MOST_WEIGHT } from "../../../lab/analysis/export/training-records.ts";
import { compressedEnding } from "../../../trainer/data/text-file.ts";
import { UserError } from "../../../trainer/errors.ts";
import { fileToWrite } from "../../../trainer/terminal/path-option.ts";
import { table } from "../../../trainer/terminal/table.ts";
import { warn } from "../../../trainer/terminal/warning.ts";
import { EXPERIMENT_LOGS_HELP } from "../experiment/analyze.ts";
import { parsePositiveInteger, readSpec, SPEC_HELP } from "../options.ts";

interface ExportFlags {
  logs: string[];
  spec: string;
  out: string;
  items?: string[];
  labels: Labels;
  slots?: number;
  weights?: boolean;
  experiment?: string;
  withoutFold?: { fold: number; folds: number };
  arm?: string[];
}

export function logsExportCommand(): Command {
  return new Command("export")
    .description(
      "Make a click log to train on of exposures and clicks: a record for each item that may have been seen.",
    )
    .requiredOption("--logs <path...>", EXPERIMENT_LOGS_HELP)
    .requiredOption("--spec <file>", SPEC_HELP)
    .requiredOption("--out <file>", "where to write it, as JSON lines", fileToWrite(null))
    .option("--items <path...>", "a catalogue with the columns of items, by the spec's item field")
    .addOption(
      new Option("--labels <how>", "which slots were seen: up to the last click, or all of them")
        .choices(LABELS)
        .default("cascade"),
    )
    .option("--slots <n>", "the first slots of a list that may have been seen (default: all)", parsePositiveInteger)
    .option("--weights", `with weights: 1 over each slot's propensity, at most ${MOST_WEIGHT}, and over what is kept`)
    .option("--experiment <name>", "one experiment only (default: all)")
    .option("--arm <name...>", "these arms only (default: all)")
    .option("--without-fold <i/n>", "without the units of one of n folds, such as 1/2, for --reward-model", parseFold)
    .action(async ({ spec, slots, arm: arms, weights = false, ...flags }: ExportFlags) => {
      // Whoever reads a name that ends so would take the file for damaged.
      if (compressedEnding(flags.out) !== "")
        throw new UserError(`${flags.out}: got the name of a compressed file, expected one for JSON lines`);
      const { arms: byArm, ...summary } = await exportTrainingLog({
        ...flags,
        arms,
        weights,
        spec: readSpec(spec),
        slots: slots ?? Number.POSITIVE_INFINITY,
      });
      summary.warnings.forEach(warn);
      const total = byArm.reduce((sum, { records }) => sum + records, 0);
      console.log(
        table(
          ["arm", "lists", "records", "share", "clicks"],
          byArm.map(({ arm, lists, records, clicks }) => [
            arm,
            lists,
            records,
            `${((100 * records) / total).toFixed(1)} %`,
            clicks,
          ]),
        ),
      );
      if (summary.unknownItems > 0)
        console.log(`${counted(summary.unknownItems, "record")} of items that are not in the catalogue`);
      if (summary.refusedLines > 0) console.log(`${counted(summary.refusedLines, "line")} off the schema of exposures`);
      console.log(`${counted(total, "record")}, ${flags.out}`);
    });
}

/** As people count folds, from 1 on. */
function parseFold(text: string): { fold: number; folds: number } {
  const [, i, n] = /^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? [];
  if (!(Number(i) >= 1 && Number(i) <= Number(n) && Number(n) >= 2))
    throw new InvalidArgumentError(`got ${text}, expected a fold and how many there are, such as 1/2`);
  return { fold: Number(i) - 1, folds: Number(n) };
}
