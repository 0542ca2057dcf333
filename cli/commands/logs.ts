import { Command } from "commander";
import { logsExportCommand } from "./logs/export.ts";
import { logsPullCommand } from "./logs/pull.ts";

export function logsCommand(): Command {
  return new Command("logs")
    .description("The logs of experiments: lists that were shown, and what became of them.")
    .addCommand(logsPullCommand())
    .addCommand(logsExportCommand());
}
