import { realpathSync } from "node:fs";
import { counted } from "../../format/counted.ts";
import { FormatError } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { UserError } from "../errors.ts";
import { warn } from "../terminal/warning.ts";
import { ClickLog } from "./click-log.ts";
import { findFiles, nameOf } from "./files.ts";
import { samplingOf } from "./negatives.ts";
import { type Part, testedPart } from "./split.ts";

/** A log, or the part of it that `data.split` makes. */
export interface LogPart {
  /** Files, globs or folders. */
  paths: readonly string[];
  part?: Part;
}

export interface Logs {
  train: LogPart;
  valid: LogPart;
  test: LogPart | null;
}

/** As a user names logs: one that the spec divides, or one for each purpose. */
export interface LogNames {
  data?: readonly string[];
  train?: readonly string[];
  valid?: readonly string[];
  test?: readonly string[];
}

/** The logs to train with. Throws UserError where too few or too many are named. */
export function chooseLogs({ data, train, valid, test }: LogNames, spec: FeatureSpec): Logs {
  const { split } = spec.data;
  if (data) {
    if (train || valid || test) throw new UserError("--data goes without --train, --valid and --test");
    if (!split) throw new UserError("--data needs data.split in the spec, which says how one log becomes three");
    const of = (part: Part): LogPart => ({ paths: data, part });
    return { train: of("train"), valid: of("valid"), test: split.test > 0 ? of("test") : null };
  }
  if (!train || !valid) throw new UserError("--train and --valid go together; give both, or --data for one log");
  if (split) warn("data.split is not used, as each log is named and read whole; --data names one to divide");
  return { train: { paths: train }, valid: { paths: valid }, test: test ? { paths: test } : null };
}

/** What errors and reports call a log: its paths as the user gave them. */
export function logName({ paths }: LogPart): string {
  return nameOf(paths);
}

const PART_TEXT: Record<Part, string> = {
  train: "the part for training that data.split makes",
  valid: "the part for validation that data.split makes",
  test: "the part for the test that data.split makes",
};

/** The error of a log that has no record, or whose part has none. */
export function noRows(name: string, part?: Part | undefined): FormatError {
  return new FormatError(name, `got no rows${part ? ` in ${PART_TEXT[part]}` : ""}, expected at least one`);
}

/** How many records of which log, and of which part of it, as a command says what its figures are about. */
export function recordsText(records: number, log: LogPart): string {
  return `${counted(records, "record")} of ${logName(log)}: ${log.part ? PART_TEXT[log.part] : "all of it"}`;
}

/**
 * What is scored of a log: where its spec divides it, the part that models are tested on, so that it has nothing that
 * they learned from; `asked` names another part, or all. Throws UserError where there is no such part.
 */
export function scoredPart(spec: FeatureSpec | null, paths: readonly string[], asked?: Part | "all"): LogPart {
  const split = spec?.data.split;
  if (asked && asked !== "all" && !split) throw new UserError("--part needs a spec with data.split, which makes parts");
  const part = asked ?? (split ? testedPart(split) : "all");
  if (part === "test" && split?.test === 0)
    throw new UserError("--part test: data.split leaves no record for the test");
  return part === "all" ? { paths } : { paths, part };
}

/**
 * A log that a user names after a training. Where the training had a part of it, `part` is used, and said.
 * `findTrained` finds a log of the training, which is a part if the training divided one; it throws FormatError where
 * that is gone. Throws UserError where some files are those of the training, and others are not, as the split of these
 * files would be another one.
 */
export function namedLater(
  spec: FeatureSpec,
  findTrained: () => LogPart,
  paths: readonly string[],
  part: Part,
): LogPart {
  const trained = unlessGone(findTrained, { paths: [] });
  if (trained.part === undefined) return { paths };
  const [files, known] = [realFiles(spec, paths), realFiles(spec, trained.paths)];
  if (!files.some((file) => known.includes(file))) return { paths };
  if (files.length !== known.length || files.some((file, i) => file !== known[i]))
    throw new UserError(
      `${nameOf(paths)}: got a part of the files that data.split divided for the training, expected all of them ` +
        `(${logName(trained)}), or none`,
    );
  warn(`${nameOf(paths)}: data.split divided it for the training; its part for ${part} is used`);
  return { paths, part };
}

/** The files of a log without links; none where they are no longer there. */
function realFiles({ data }: FeatureSpec, paths: readonly string[]): string[] {
  return unlessGone(() => findFiles(paths, data.format).files.map((file) => realpathSync(file)), []);
}

/** What is found, or `otherwise` where the search throws FormatError. */
function unlessGone<T>(find: () => T, otherwise: T): T {
  try {
    return find();
  } catch (error) {
    if (error instanceof FormatError) return otherwise;
    throw error;
  }
}

/**
 * Opens a log, as the spec says, to read its records as they are written there, with the negatives that the spec wants
 * to be sampled. Whoever opens it closes it.
 */
export function openPart(spec: FeatureSpec, { paths, part }: LogPart): Promise<ClickLog> {
  const { data, label, fields } = spec;
  findFiles(paths, data.format).warnings.forEach(warn);
  return ClickLog.open(paths, { data, label, fields, sampling: samplingOf(spec), ...(part && { part }) });
}
