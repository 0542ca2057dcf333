import { type Command, InvalidArgumentError } from "commander";
import { type GeneratedLog, generateLog, SMALL_WORLD } from "../../trainer/data/generate.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { decimalOf } from "../../trainer/terminal/number-option.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { metricsTable } from "./metrics-table.ts";
import { forceOption, parsePositiveInteger, parseRows } from "./options.ts";

interface GenerateFlags {
  rows: number;
  seed: number;
  clickRate?: number | undefined;
  force?: boolean | undefined;
}

const FILES = ["train.csv", "valid.csv", "test.csv"];

export function defineGenerate(command: Command): void {
  command
    .argument("<folder>", "where to write them")
    .option("--rows <n>", "rows in all three together", parseRows, 600_000)
    .option("--click-rate <p>", "share of the rows with a click (default: about 1/4)", parseClickRate)
    .option("--seed <n>", "the same seed gives the same files", parsePositiveInteger, 7)
    .addOption(forceOption())
    .action(async (folder: string, { rows, seed, clickRate, force }: GenerateFlags) => {
      using _lock = new FolderLock(folder);
      const { best } = await claimAndGenerate(folder, { rows, seed, clickRate, force });
      console.log(metricsTable("", [["best possible", best]]));
    });
}

/** Generates a log where no other one is. Throws UserError where one is and `force` does not say that it may go. */
export async function claimAndGenerate(
  folder: string,
  { rows, seed, clickRate, force }: GenerateFlags,
): Promise<GeneratedLog> {
  const request = { rows, seed, ...(clickRate !== undefined && { clickRate }) };
  const claims = FILES.map((file) => claimResult(folder, file, { what: "a log", request, force }));
  for (const claim of claims) claim(); // before the files, so that the same command goes on where it was killed
  using task = startTask("generate", rows, "row");
  const generated = await generateLog(folder, rows, seed, task, { ...SMALL_WORLD, clickRate });
  task.done();
  return generated;
}

function parseClickRate(text: string): number {
  const rate = decimalOf(text);
  if (!(rate > 0 && rate < 1)) throw new InvalidArgumentError(`got ${text}, expected a number between 0 and 1`);
  return rate;
}
