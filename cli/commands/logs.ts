import { Command } from "commander";
import { logsExportCommand } from "./logs/export.ts";
import { logsPullCommand } from "./logs/pull.ts";

export function logsCommand(): Command {
  const command = new Command("logs").description(
    "The logs of experiments: lists that were shown, and what became of them.",
  );
  for (const own of [logsPullCommand(), logsExportCommand()]) command.addCommand(own.copyInheritedSettings(command));
  return command;
}
