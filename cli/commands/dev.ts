import type { Command } from "commander";
import { wranglerDev } from "../../deploy/wrangler-dev.ts";

interface DevFlags {
  logs: string;
  config?: string;
  env?: string;
}

export function defineDev(command: Command): void {
  command
    .argument("[wrangler-options...]", "options of `wrangler dev`, such as --port or --persist-to")
    .option("--logs <folder>", "where lines go: <folder>/exposures/*.ndjson and <folder>/events/*.ndjson", "logs")
    .option("--config <file>", "wrangler's configuration of your own Worker")
    .option("--env <name>", "the environment of the configuration, such as staging")
    .allowUnknownOption()
    .action(async (args: string[], { logs, config, env }: DevFlags) => {
      process.exitCode = await wranglerDev({
        ...{ logs, args },
        ...(config !== undefined && { config }),
        ...(env !== undefined && { environment: env }),
      });
    });
}
