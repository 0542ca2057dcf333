import type { FeatureSpec } from "../../format/spec.ts";
import { UserError } from "../errors.ts";
import { warn } from "../terminal/warning.ts";
import { ClickLog } from "./click-log.ts";
import { findFiles, nameOf } from "./files.ts";
import type { Part } from "./split.ts";

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
  return { train: { paths: train }, valid: { paths: valid }, test: test ? { paths: test } : null };
}

/** What errors and reports call a log: its paths as the user gave them. */
export function logName({ paths }: LogPart): string {
  return nameOf(paths);
}

/** Opens a log, as the spec says, to read its records as they are written there. Whoever opens it closes it. */
export function openPart({ data, label }: FeatureSpec, { paths, part }: LogPart): Promise<ClickLog> {
  findFiles(paths, data.format).warnings.forEach(warn);
  return ClickLog.open(paths, { data, label, ...(part && { part }) });
}
