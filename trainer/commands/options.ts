import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { FormatError } from "../../format/errors.ts";
import { BACKENDS } from "../backend.ts";

// What several commands take.

export const LOG_HELP =
  "A click log: .csv or .tsv with a header (also .gz, .zst), or .parquet; one column a field, and a label of 0 or 1.";
export const SPEC_HELP = 'feature spec, a JSON file (format/FORMAT.md, "Feature spec")';

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
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new FormatError(path, (error as Error).message);
  }
}

export function minutes(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError(`got ${text}, expected a number of minutes`);
  return value;
}
