#!/usr/bin/env node
import { Command } from "commander";
import { VERSION } from "../trainer/io/project.ts";
import { compareCommand } from "./commands/compare.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { exportCommand } from "./commands/export.ts";
import { generateCommand } from "./commands/generate.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { publishCommand } from "./commands/publish.ts";
import { recipeCommand } from "./commands/recipe.ts";
import { retrieveCommand } from "./commands/retrieve.ts";
import { keygenCommand, signCommand } from "./commands/sign.ts";
import { startCommand } from "./commands/start.ts";
import { studyCommand } from "./commands/study.ts";
import { trainCommand } from "./commands/train.ts";
import { tuneCommand } from "./commands/tune.ts";
import { exitCodeOf, faultText } from "./faults.ts";

// The program deepfm-edge: its commands, in the order in which --help lists them.

const program = new Command("deepfm-edge")
  .description("Click-through-rate models trained in TypeScript and served inside the CDN.")
  .version(VERSION)
  .showHelpAfterError("(--help on each command says what it needs)");

for (const command of [
  generateCommand(),
  recipeCommand(),
  trainCommand(),
  compareCommand(),
  studyCommand(),
  retrieveCommand(),
  tuneCommand(),
  exportCommand(),
  inspectCommand(),
  keygenCommand(),
  signCommand(),
  publishCommand(),
  evaluateCommand(),
  startCommand(),
])
  program.addCommand(command.copyInheritedSettings(program));

try {
  await program.parseAsync();
} catch (error) {
  console.error(faultText(error));
  process.exitCode = exitCodeOf(error);
}
