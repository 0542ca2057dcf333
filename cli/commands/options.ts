import { type Command, InvalidArgumentError, Option } from "commander";
import { isHashKey } from "../../format/fitted-spec.ts";
import { type FeatureSpec, parseFeatureSpec } from "../../format/spec.ts";
import { chooseLogs, type LogNames, type LogPart, type Logs } from "../../trainer/data/logs.ts";
import { PARTS } from "../../trainer/data/split.ts";
import { DEFAULT_CACHE } from "../../trainer/data/training-log.ts";
import { BACKENDS } from "../../trainer/engine/backends.ts";
import { type AskedEngine, ENGINES, MOST_THREADS } from "../../trainer/engine/engines.ts";
import { UserError } from "../../trainer/errors.ts";
import { QUANTIZATIONS } from "../../trainer/export/quantization.ts";
import { DEFAULT_LIMITS, type Limits } from "../../trainer/export/report.ts";
import { readWhole } from "../../trainer/io/files.ts";
import type { ResultKind } from "../../trainer/io/result-file.ts";
import { decimalOf, integerWithin } from "../../trainer/terminal/number-option.ts";
import { fileToWrite } from "../../trainer/terminal/path-option.ts";

// Arguments and options that several commands take, and how their texts are read.

export const LOG_HELP =
  "a click log: files, globs or folders; .csv, .tsv, .jsonl, .libsvm, .libffm (also .gz, .zst) or .parquet; " +
  "a label of 0 or 1";
export const SPEC_HELP = 'feature spec, a JSON file (format/FORMAT.md, "Feature spec")';

/** How a user names logs, and where their encoded records are kept. */
export interface LogFlags extends LogNames {
  cache: string;
}

/** Gives a command the options that name logs. `test` and `valid` say what these logs are for. */
export function withLogs(command: Command, test: string, valid = "the log that decides when to stop"): Command {
  return command
    .option("--data <path...>", "one log, which the spec's data.split divides into three")
    .option("--train <path...>", LOG_HELP)
    .option("--valid <path...>", valid)
    .option("--test <path...>", test)
    .option("--cache <folder>", "where encoded logs are kept, so that a second run starts at once", DEFAULT_CACHE);
}

/** The logs that the options name. Throws UserError where there is no test log among them. */
export function testedLogs(flags: LogFlags, spec: FeatureSpec): Logs & { test: LogPart; cache: string } {
  const { test, ...logs } = chooseLogs(flags, spec);
  if (test === null) throw new UserError("got no log to test on, expected --test, or a data.split with a share for it");
  return { ...logs, test, cache: flags.cache };
}

/** Gives a command the options of what computes. `own`: that which trained the run is the default. */
export function withEngine(command: Command, own = false): Command {
  const [engine, backend] = own
    ? ["the one that trained the run", "the one that trained the run"]
    : ["assembly, unless --backend is given or the one for the GPU is installed", "the first of these that works"];
  return command
    .addOption(
      new Option("--engine <name>", `what computes: our own kernels or TensorFlow.js; auto is ${engine}`)
        .choices(["auto", ...ENGINES])
        .default("auto"),
    )
    .addOption(
      new Option(
        "--threads <n>",
        `threads of --engine assembly, up to ${MOST_THREADS}; the result is the same (default: one a core, up to 16)`,
      ).argParser(integerWithin(1, MOST_THREADS)),
    )
    .addOption(new Option("--backend <name>", `TensorFlow.js backend (default: ${backend})`).choices(BACKENDS));
}

/** What a user asks to compute with. */
export function engineOf({ engine, backend, threads }: AskedEngine): AskedEngine {
  return { engine, backend, threads };
}

export function quantizeOption(): Option {
  return new Option("--quantize <type>", "how rows are stored; dense layers are int8, with f32 rows f32")
    .choices(QUANTIZATIONS)
    .default("int8");
}

/** What an export may lose, as a user says it. */
export interface LimitFlags {
  maxAucLoss: number;
  /** In per cent. */
  maxLoglossLoss: number;
  force?: boolean;
}

/** Gives a command the options that say how much an export may lose. */
export function withLimits(command: Command): Command {
  const { auc, logloss } = DEFAULT_LIMITS;
  return command
    .option("--max-auc-loss <x>", "refuse an export whose AUC is lower by more", parseNotNegative, auc)
    .option(
      "--max-logloss-loss <%>",
      "refuse an export whose logloss is higher by more per cent",
      parseNotNegative,
      100 * logloss,
    )
    .option("--force", "export even what loses more, and replace what is there");
}

/** For commands that would replace what a finished one has left. */
export function forceOption(): Option {
  return new Option("--force", "replace what a finished command has left there");
}

/** Which part of a log is meant, where the spec's data.split divides it. */
export function partOption(what: string): Option {
  return new Option("--part <part>", what).choices([...PARTS, "all"]);
}

export function limitsOf({ maxAucLoss, maxLoglossLoss }: LimitFlags): Limits {
  return { auc: maxAucLoss, logloss: maxLoglossLoss / 100 };
}

export function parsePositiveInteger(text: string): number {
  const value = decimalOf(text);
  if (Number.isInteger(value) && value >= 1 && value < 1e10) return value;
  throw new InvalidArgumentError(`got ${text}, expected a positive integer`);
}

/** Seeds of a sweep or a search: more would say nothing more, and all their trainings are planned before the first. */
export const parseSeeds = integerWithin(1, 1000);

/** Rows of a generated log: a tenth of them must be a row, and the truth of a tenth is in memory. */
export const parseRows = integerWithin(10, 1e9);

/** Reads a hash key. No error shows it, as it is a secret. */
export function parseHashKey(text: string): string {
  if (!isHashKey(text)) throw new InvalidArgumentError("got another text, expected 32 lower-case hex digits");
  return text;
}

export function parseMinutes(text: string): number {
  const value = decimalOf(text);
  if (!(value >= 0)) throw new InvalidArgumentError(`got ${text}, expected a number of minutes`);
  return value;
}

function parseNotNegative(text: string): number {
  const value = decimalOf(text);
  if (!(value >= 0)) throw new InvalidArgumentError(`got ${text}, expected a number of 0 or more`);
  return value;
}

/** Parses a list separated by commas. */
export function parseList(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

export function readSpec(path: string): FeatureSpec {
  return parseFeatureSpec(readText(path), path);
}

/** The text of a file, without the byte order mark that some editors begin it with. */
export function readText(path: string): string {
  return new TextDecoder().decode(readWhole(path));
}

/** A file that results are written into as JSON. */
export function jsonOption(what: string, kind: ResultKind): Option {
  return new Option("--json <file>", what).argParser(fileToWrite(kind));
}

/** For clients of a Worker that needs tokens. The variable keeps a token out of lists of processes. */
export function tokenOption(): Option {
  return new Option("--token <token>", "a bearer token of the Worker").env("DEEPFM_EDGE_TOKEN");
}
