import { Command } from "commander";
import { logsPullCommand } from "./logs/pull.ts";

export function logsCommand(): Command {
  return new Command("logs")
    .description("The logs of experiments: lists that were shown, and what became of them.")
    .addCommand(logsPullCommand());
}
