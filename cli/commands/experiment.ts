import { Command } from "commander";
import { analyzeCommand } from "./experiment/analyze.ts";
import { createCommand } from "./experiment/create.ts";
import { previewCommand } from "./experiment/preview.ts";
import { rampCommand } from "./experiment/ramp.ts";
import { showCommand } from "./experiment/show.ts";
import { startCommand } from "./experiment/start.ts";
import { stopCommand } from "./experiment/stop.ts";

export function experimentCommand(): Command {
  const command = new Command("experiment").description("Compare models by what visitors do with their lists.");
  const managing = [createCommand(), startCommand(), rampCommand(), stopCommand(), showCommand(), previewCommand()];
  for (const own of [...managing, analyzeCommand()]) command.addCommand(own.copyInheritedSettings(command));
  return command;
}
