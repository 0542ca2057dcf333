import { Command } from "commander";
import { VERSION } from "../../trainer/io/project.ts";
import { forgetWarnings } from "../../trainer/terminal/warning.ts";
import { bringKernels } from "./kernels.ts";
import { refuseEmptyNames, refuseOtherFiles, refuseReadFiles } from "./names.ts";

interface CommandEntry {
  name: string;
  /** What --help says of it. */
  description: string;
  /** Loads what gives the command its arguments, options and action. */
  load: () => Promise<(command: Command) => void>;
}

/** In the order in which --help lists them. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: "generate",
    description: "Write a click log with planted effects and a known best AUC: train.csv, valid.csv, test.csv.",
    load: async () => (await import("./generate.ts")).defineGenerate,
  },
  {
    name: "recipe",
    description: "Turn a public data set into train, validation and test files and a feature spec.",
    load: async () => (await import("./recipe.ts")).defineRecipe,
  },
  {
    name: "init",
    description:
      "Look at a click log, and write a feature spec for it with comments that say why: label, types, encodings, sides, " +
      "what prepares the values, and how the log is divided.",
    load: async () => (await import("./init.ts")).defineInit,
  },
  {
    name: "train",
    description: "Train a model on a click log and save it, with the weights of the best epoch on the validation log.",
    load: async () => (await import("./train.ts")).defineTrain,
  },
  {
    name: "compare",
    description:
      "Train the models of the DeepFM paper's Table 2 under one setting, and print that table for your data: " +
      "AUC and logloss on the test log, parameters, training time as a ratio to LR.",
    load: async () => (await import("./compare.ts")).defineCompare,
  },
  {
    name: "study",
    description: "Train the deep models over a range of one setting, and print and plot it as the DeepFM paper does.",
    load: async () => (await import("./study.ts")).defineStudy,
  },
  {
    name: "report",
    description:
      "Lay existing runs side by side: their metrics, the settings that differ, their learning curves, and what " +
      "quantization loses in those that were exported.",
    load: async () => (await import("./report.ts")).defineReport,
  },
  {
    name: "retrieve",
    description:
      "Recall@k of a two-tower model: how often the item of a positive test record is among the k best of all the " +
      "training log's items, against the k most popular.",
    load: async () => (await import("./retrieve.ts")).defineRetrieve,
  },
  {
    name: "tune",
    description:
      "Search for the settings that are best on the validation log, by what the spec's training.monitor names, and " +
      "write the spec that has them.",
    load: async () => (await import("./tune.ts")).defineTune,
  },
  {
    name: "export",
    description:
      "Turn a trained model into a blob and pages of rows, and check the kernel's scores against the trainer's.",
    load: async () => (await import("./export.ts")).defineExport,
  },
  {
    name: "inspect",
    description:
      "Check a model blob, and print what is in it: sections, fields, layers, rows, evidence. Of a trained run, print " +
      "what its log held in each field.",
    load: async () => (await import("./inspect.ts")).defineInspect,
  },
  {
    name: "plan",
    description: "Say what requests will read, cost and find in the isolate, for several heads and sizes of pages.",
    load: async () => (await import("./plan.ts")).definePlan,
  },
  {
    name: "keygen",
    description: "Make an Ed25519 key pair to sign models with; print what goes into the Worker's MODEL_KEYS.",
    load: async () => (await import("./sign.ts")).defineKeygen,
  },
  {
    name: "sign",
    description: "Sign an exported model, so that a Worker with MODEL_KEYS lets it serve. It becomes another version.",
    load: async () => (await import("./sign.ts")).defineSign,
  },
  {
    name: "publish",
    description: "Put an exported model into Workers KV; the pointer that makes it serve comes last.",
    load: async () => (await import("./publish.ts")).definePublish,
  },
  {
    name: "dev",
    description:
      "Run the Worker on this machine with `wrangler dev`, open to everyone, and write what its experiments log into " +
      "files.",
    load: async () => (await import("./dev.ts")).defineDev,
  },
  {
    name: "models",
    description: "List the models of Workers KV, or the history of one: versions, since when, bytes, notes.",
    load: async () => (await import("./models.ts")).defineModels,
  },
  {
    name: "rollback",
    description: "Let an earlier version of a model serve again; nothing is uploaded but its pointer.",
    load: async () => (await import("./rollback.ts")).defineRollback,
  },
  {
    name: "bundle",
    description:
      "Put an exported model among the Worker's static assets: the next deployment scores with it where KV has none yet.",
    load: async () => (await import("./bundle.ts")).defineBundle,
  },
  {
    name: "pin",
    description: "Let a version of a model serve, and go on serving when others are published; or no more, with --off.",
    load: async () => (await import("./pin.ts")).definePin,
  },
  {
    name: "verify",
    description:
      "Read back all that belongs to a version of a model in Workers KV, and name what is missing or damaged.",
    load: async () => (await import("./verify.ts")).defineVerify,
  },
  {
    name: "prune",
    description: "Show which old versions in Workers KV nothing needs any more; with --yes, delete them.",
    load: async () => (await import("./prune.ts")).definePrune,
  },
  {
    name: "token",
    description: "Make a bearer token for a client of the Worker; print it, and its entry for the Worker's TOKENS.",
    load: async () => (await import("./token.ts")).defineToken,
  },
  {
    name: "evaluate",
    description: "Score a labeled log over HTTP and report AUC, logloss and speed.",
    load: async () => (await import("./evaluate.ts")).defineEvaluate,
  },
  {
    name: "experiment",
    description: "Compare models by what visitors do with their lists.",
    load: async () => (await import("./experiment.ts")).defineExperiment,
  },
  {
    name: "logs",
    description: "The logs of experiments: lists that were shown, and what became of them.",
    load: async () => (await import("./logs.ts")).defineLogs,
  },
  {
    name: "native",
    description:
      "TensorFlow's own library, for the backends tfjs-node and tfjs-node-gpu: install, status, remove, test.",
    load: async () => (await import("./native.ts")).defineNative,
  },
  {
    name: "start",
    description: "The whole path: log, training, export, KV, Worker, and the test split scored over HTTP.",
    load: async () => (await import("./start.ts")).defineStart,
  },
];

/**
 * The program deepfm-edge. With the arguments of a call, only the command that they name is loaded, as all of them take
 * half a second; the others have no more than their lines in --help.
 */
export async function makeProgram(args?: readonly string[]): Promise<Command> {
  const program = new Command("deepfm-edge")
    .description("Click-through-rate models trained in TypeScript and served inside the CDN.")
    .version(VERSION)
    .showHelpAfterError("(--help on each command says what it needs)")
    .hook("preAction", (_, command) => refuseEmptyNames(command))
    .hook("preAction", (_, command) => refuseReadFiles(command))
    .hook("preAction", (_, command) => refuseOtherFiles(command))
    .hook("preAction", forgetWarnings)
    .hook("preAction", bringKernels);
  const named = args?.slice(0, 2); // it may stand behind `help`
  for (const { name, description, load } of COMMANDS) {
    const command = program.command(name).description(description);
    if (named === undefined || named.includes(name)) (await load())(command);
  }
  return program;
}
