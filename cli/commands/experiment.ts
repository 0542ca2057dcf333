import type { Command } from "commander";
import { analyzeCommand } from "./experiment/analyze.ts";
import { createCommand } from "./experiment/create.ts";
import { previewCommand } from "./experiment/preview.ts";
import { rampCommand } from "./experiment/ramp.ts";
import { showCommand } from "./experiment/show.ts";
import { startCommand } from "./experiment/start.ts";
import { stopCommand } from "./experiment/stop.ts";

export function defineExperiment(command: Command): void {
  for (const own of [
    createCommand(),
    startCommand(),
    rampCommand(),
    stopCommand(),
    showCommand(),
    previewCommand(),
    analyzeCommand(),
  ])
    command.addCommand(own.copyInheritedSettings(command));
}
