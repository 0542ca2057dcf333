import { Command } from "commander";
import { generateLog } from "../../trainer/data/generate.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { metricsTable } from "./metrics-table.ts";
import { forceOption, parsePositiveInteger } from "./options.ts";

export function generateCommand(): Command {
  return new Command("generate")
    .description("Write a click log with planted effects and a known best AUC: train.csv, valid.csv, test.csv.")
    .argument("<folder>", "where to write them")
    .option("--rows <n>", "rows in all three together", parsePositiveInteger, 600_000)
    .option("--seed <n>", "the same seed gives the same files", parsePositiveInteger, 7)
    .addOption(forceOption())
    .action(async (folder: string, { rows, seed, force }: { rows: number; seed: number; force?: boolean }) => {
      using _lock = new FolderLock(folder);
      claimResult(folder, "train.csv", { what: "a log", request: { rows, seed }, force });
      using task = startTask("generate", rows, "rows");
      const { best } = await generateLog(folder, rows, seed, task);
      task.done();
      console.log(metricsTable("", [["best possible", best]]));
    });
}
