import type { Command } from "commander";
import { logsExportCommand } from "./logs/export.ts";
import { logsPullCommand } from "./logs/pull.ts";

export function defineLogs(command: Command): void {
  for (const own of [logsPullCommand(), logsExportCommand()]) command.addCommand(own.copyInheritedSettings(command));
}
