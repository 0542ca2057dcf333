import type { Command } from "commander";
import { checkFolder } from "../../deploy/local-bindings.ts";
import { wranglerDev } from "../../deploy/wrangler-dev.ts";
import { parsePort } from "../../trainer/terminal/number-option.ts";
import { checkConfig } from "./store-options.ts";

interface DevFlags {
  logs: string;
  port?: number;
  persistTo?: string;
  config?: string;
  env?: string;
}

export function defineDev(command: Command): void {
  command
    .argument("[wrangler-options...]", "options of `wrangler dev`, such as --ip or --var")
    .option("--logs <folder>", "where lines go: <folder>/exposures/*.ndjson and <folder>/events/*.ndjson", "logs")
    .option("--port <n>", "the Worker's port (default: 8787, or a free one)", parsePort)
    .option("--persist-to <folder>", "another local folder than .wrangler/state")
    .option("--config <file>", "wrangler's configuration of your own Worker")
    .option("--env <name>", "the environment of the configuration, such as staging")
    .allowUnknownOption()
    .action(async (args: string[], { logs, port, persistTo, config, env }: DevFlags) => {
      checkFolder(logs, "lines of experiments");
      if (persistTo !== undefined) checkFolder(persistTo);
      if (config !== undefined) checkConfig(config);
      process.exitCode = await wranglerDev({
        ...{ logs, args: port === undefined ? args : ["--port", String(port), ...args] },
        ...(persistTo !== undefined && { persistTo }),
        ...(config !== undefined && { config }),
        ...(env !== undefined && { environment: env }),
      });
    });
}
