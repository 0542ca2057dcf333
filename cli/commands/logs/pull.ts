import { Command } from "commander";
import { pullLogs } from "../../../deploy/pull-logs.ts";
import { checkPersistTo } from "../store-options.ts";

interface PullFlags {
  out: string;
  persistTo?: string;
  config?: string;
  env?: string;
}

export function logsPullCommand(): Command {
  return new Command("pull")
    .description(
      "Copy the exposures and events that a queue of `npm run dev` has written into its local R2 into a folder.",
    )
    .requiredOption("--out <folder>", "the folder; files that it has are left as they are")
    .option("--persist-to <folder>", "another local folder than .wrangler/state")
    .option("--config <file>", "wrangler's configuration of your own Worker, which binds the bucket as EXPOSURE_LOGS")
    .option("--env <name>", "the environment of the configuration whose bucket it is, such as staging")
    .action(async ({ out, persistTo, config, env }: PullFlags) => {
      if (persistTo !== undefined) checkPersistTo(persistTo);
      const { copied, present, bytes } = await pullLogs(out, {
        ...(persistTo !== undefined && { persistTo }),
        ...(config !== undefined && { config }),
        ...(env !== undefined && { environment: env }),
      });
      console.log(`${copied} files of ${bytes} bytes are new in ${out}; ${present} were there`);
    });
}
