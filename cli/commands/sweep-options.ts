import { join } from "node:path";
import { type Command, Option } from "commander";
import { checkFolder } from "../../deploy/local-bindings.ts";
import { counted } from "../../format/counted.ts";
import type { FeatureSpec, ModelType } from "../../format/spec.ts";
import { modelType } from "../../lab/sweeps/model-specs.ts";
import type { SweepOptions } from "../../lab/sweeps/sweep.ts";
import { type AskedEngine, MOST_THREADS } from "../../trainer/engine/engines.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import type { ResultKind } from "../../trainer/io/result-file.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import {
  engineOf,
  forceOption,
  jsonOption,
  type LogFlags,
  parseList,
  parseSeeds,
  testedLogs,
  withEngine,
  withLogs,
} from "./options.ts";

// Options of the commands that sweep: those that train several models with several seeds, and report on all of them.

export interface SweepFlags extends LogFlags, AskedEngine {
  models: ModelType[];
  seeds: number;
  out: string;
  jobs?: number;
  json?: string;
  force?: boolean;
}

interface SweepDefaults {
  /** What the test log is for. */
  test: string;
  models: readonly ModelType[];
  seeds: number;
  out: string;
  /** The name of the report's file in `out`. */
  report: string;
  /** What --json writes. */
  json: ResultKind;
}

/** Gives a command the options of a sweep. */
export function withSweep(command: Command, { test, models, seeds, out, report, json }: SweepDefaults): Command {
  return withEngine(
    withLogs(command, test)
      .addOption(
        new Option("--models <names>", "models, separated by commas")
          .argParser(parseModels)
          .default([...models], models.join(",")),
      )
      .option("--seeds <n>", "how many seeds: the spec's, and those that follow it", parseSeeds, seeds)
      .option("--out <folder>", `finished runs are kept here and not trained again; ${report}`, out)
      .option(
        "--jobs <n>",
        "trainings side by side, which share the threads; the result is the same (default: one a thread, where memory " +
          "suffices)",
        integerWithin(1, MOST_THREADS),
      )
      .addOption(jsonOption("write the table as JSON", json))
      .addOption(forceOption()),
  );
}

function parseModels(text: string): ModelType[] {
  return [...new Set(parseList(text).map((name) => modelType(name, "--models")))];
}

export function sweepOptions(flags: SweepFlags, spec: FeatureSpec): SweepOptions {
  const { seeds, out, jobs } = flags;
  return { logs: testedLogs(flags, spec), seeds, folder: join(out, "runs"), jobs, ...engineOf(flags) };
}

/**
 * Claims the report of a sweep, as `claimResult` does. The same command may make its report again, from the runs that
 * are kept. Throws UserError where the report is that of other models, settings, seeds or logs, or nothing may be
 * written into the folder.
 */
export function claimReport(
  file: string,
  { out, seeds, force }: SweepFlags,
  { logs }: SweepOptions,
  of: unknown,
): () => void {
  const { train, valid, test } = logs;
  checkFolder(out, "runs");
  return claimResult(out, file, { what: "a report", request: [of, seeds, train, valid, test], force });
}

/** The last line that a sweep prints. */
export function sweepText(seeds: number, report: string): string {
  return `${counted(seeds, "seed")}, ${report}`;
}
