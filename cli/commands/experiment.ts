import { Command } from "commander";
import { analyzeCommand } from "./experiment/analyze.ts";

export function experimentCommand(): Command {
  return new Command("experiment")
    .description("Compare models by what visitors do: judge an experiment by its log.")
    .addCommand(analyzeCommand());
}
