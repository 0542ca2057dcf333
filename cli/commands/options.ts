import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FormatError } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { chooseLogs, type LogNames, type LogPart, type Logs } from "../../trainer/data/logs.ts";
import { DEFAULT_CACHE } from "../../trainer/data/training-log.ts";
import { BACKENDS } from "../../trainer/engine/backend.ts";
import { DEFAULT_LIMITS, type Limits } from "../../trainer/export/report.ts";

// What several commands take.

export const LOG_HELP =
  "A click log: files, globs or folders; .csv, .tsv, .jsonl, .libsvm, .libffm (also .gz, .zst) or .parquet; a label of 0 or 1.";
export const SPEC_HELP = 'feature spec, a JSON file (format/FORMAT.md, "Feature spec")';

/** How a user names logs, and where their encoded records are kept. */
export interface LogOptions extends LogNames {
  cache: string;
}

/** Gives a command the options that name logs. `test`: what the test log is for. */
export function withLogs(command: Command, test: string): Command {
  return command
    .option("--data <path...>", "one log, which the spec's data.split divides into three")
    .option("--train <path...>", LOG_HELP)
    .option("--valid <path...>", "the log that decides when to stop")
    .option("--test <path...>", test)
    .option("--cache <folder>", "where encoded logs are kept, so that a second run starts at once", DEFAULT_CACHE);
}

/** The logs that the options name, with a test log among them. */
export function testedLogs(options: LogOptions, spec: FeatureSpec): Logs & { test: LogPart; cache: string } {
  const { test, ...logs } = chooseLogs(options, spec);
  if (test === null) throw new Error("got no log to test on, expected --test, or a data.split with a share for it");
  return { ...logs, test, cache: options.cache };
}

export function backendOption(): Option {
  return new Option("--backend <name>", "TensorFlow.js backend (default: the first of these that works)").choices(
    BACKENDS,
  );
}

export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError(`got ${text}, expected a positive integer`);
  return Number(text);
}

/** A list separated by commas. */
export function commaSeparated(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

export function readText(path: string): string {
  return readBytes(path).toString("utf8");
}

export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FormatError(path, (error as Error).message);
  }
}

export function minutes(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError(`got ${text}, expected a number of minutes`);
  return value;
}

/** What an export may lose, as a user says it. */
export interface LimitOptions {
  maxAucLoss: number;
  /** In per cent. */
  maxLoglossLoss: number;
  force?: boolean;
}

/** Gives a command the options that say how much an export may lose. */
export function withLimits(command: Command): Command {
  const { auc, logloss } = DEFAULT_LIMITS;
  return command
    .option("--max-auc-loss <x>", "refuse an export whose AUC is lower by more", notNegative, auc)
    .option(
      "--max-logloss-loss <%>",
      "refuse an export whose logloss is higher by more per cent",
      notNegative,
      100 * logloss,
    )
    .option("--force", "export even what loses more");
}

export function limitsOf({ maxAucLoss, maxLoglossLoss }: LimitOptions): Limits {
  return { auc: maxAucLoss, logloss: maxLoglossLoss / 100 };
}

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0))
    throw new InvalidArgumentError(`got ${text}, expected a number of 0 or more`);
  return value;
}
