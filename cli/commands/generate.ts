import { type Command, InvalidArgumentError } from "commander";
import { generateLog, SMALL_WORLD } from "../../trainer/data/generate.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { decimalOf } from "../../trainer/terminal/number-option.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { metricsTable } from "./metrics-table.ts";
import { forceOption, parsePositiveInteger, parseRows } from "./options.ts";

interface GenerateFlags {
  rows: number;
  seed: number;
  clickRate?: number;
  force?: boolean;
}

export function defineGenerate(command: Command): void {
  command
    .argument("<folder>", "where to write them")
    .option("--rows <n>", "rows in all three together", parseRows, 600_000)
    .option("--click-rate <p>", "share of the rows with a click (default: about 1/4)", parseClickRate)
    .option("--seed <n>", "the same seed gives the same files", parsePositiveInteger, 7)
    .addOption(forceOption())
    .action(async (folder: string, { rows, seed, clickRate, force }: GenerateFlags) => {
      using _lock = new FolderLock(folder);
      const claim = claimResult(folder, "train.csv", {
        what: "a log",
        request: { rows, seed, ...(clickRate !== undefined && { clickRate }) },
        force,
      });
      // Of its three files the claimed one is the first: where the others are missing, the same command makes them.
      claim();
      using task = startTask("generate", rows, "rows");
      const { best } = await generateLog(folder, rows, seed, task, { ...SMALL_WORLD, clickRate });
      task.done();
      console.log(metricsTable("", [["best possible", best]]));
    });
}

function parseClickRate(text: string): number {
  const rate = decimalOf(text);
  if (!(rate > 0 && rate < 1)) throw new InvalidArgumentError(`got ${text}, expected a number between 0 and 1`);
  return rate;
}
