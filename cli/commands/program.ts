import { Command } from "commander";
import { VERSION } from "../../trainer/io/project.ts";
import { forgetWarnings } from "../../trainer/terminal/warning.ts";
import { bundleCommand } from "./bundle.ts";
import { compareCommand } from "./compare.ts";
import { evaluateCommand } from "./evaluate.ts";
import { experimentCommand } from "./experiment.ts";
import { exportCommand } from "./export.ts";
import { generateCommand } from "./generate.ts";
import { initCommand } from "./init.ts";
import { inspectCommand } from "./inspect.ts";
import { bringKernels } from "./kernels.ts";
import { logsCommand } from "./logs.ts";
import { modelsCommand } from "./models.ts";
import { nativeCommand } from "./native.ts";
import { pinCommand } from "./pin.ts";
import { planCommand } from "./plan.ts";
import { pruneCommand } from "./prune.ts";
import { publishCommand } from "./publish.ts";
import { recipeCommand } from "./recipe.ts";
import { reportCommand } from "./report.ts";
import { retrieveCommand } from "./retrieve.ts";
import { rollbackCommand } from "./rollback.ts";
import { keygenCommand, signCommand } from "./sign.ts";
import { startCommand } from "./start.ts";
import { studyCommand } from "./study.ts";
import { tokenCommand } from "./token.ts";
import { trainCommand } from "./train.ts";
import { tuneCommand } from "./tune.ts";
import { verifyCommand } from "./verify.ts";

/** The program deepfm-edge: its commands, in the order in which --help lists them. */
export function makeProgram(): Command {
  const program = new Command("deepfm-edge")
    .description("Click-through-rate models trained in TypeScript and served inside the CDN.")
    .version(VERSION)
    .showHelpAfterError("(--help on each command says what it needs)")
    .hook("preAction", forgetWarnings)
    .hook("preAction", bringKernels);
  for (const command of [
    generateCommand(),
    recipeCommand(),
    initCommand(),
    trainCommand(),
    compareCommand(),
    studyCommand(),
    reportCommand(),
    retrieveCommand(),
    tuneCommand(),
    exportCommand(),
    inspectCommand(),
    planCommand(),
    keygenCommand(),
    signCommand(),
    publishCommand(),
    modelsCommand(),
    rollbackCommand(),
    bundleCommand(),
    pinCommand(),
    verifyCommand(),
    pruneCommand(),
    tokenCommand(),
    evaluateCommand(),
    experimentCommand(),
    logsCommand(),
    nativeCommand(),
    startCommand(),
  ])
    program.addCommand(command.copyInheritedSettings(program));
  return program;
}
