import { join } from "node:path";
import { FormatError } from "../../../format/errors.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { nameOf } from "../../../trainer/data/files.ts";
import { chooseLogs, type LogNames, type LogPart, type Logs } from "../../../trainer/data/logs.ts";
import { UserError } from "../../../trainer/errors.ts";
import { PROJECT } from "../../../trainer/io/project.ts";
import type { Metrics } from "../../../trainer/metrics/metrics.ts";
import { claimAndGenerate } from "../generate.ts";
import { readSpec } from "../options.ts";

/** The user's own spec and logs, or none of them for a generated log. */
export interface StartLogFlags extends LogNames {
  spec?: string;
  out: string;
  /** Rows of a generated log. */
  rows: number;
  /** Seed of a generated log. */
  seed: number;
  /** Whether a generated log may take the place of another one. */
  replaces?: boolean;
}

export interface StartLogs {
  spec: FeatureSpec;
  logs: Logs & { test: LogPart };
  /** The best metrics that a model can reach; null for the user's own logs, of which no one knows them. */
  best: Metrics | null;
}

/** The logs to start with. Throws UserError where the user names half of what is needed. */
export async function prepareLogs(flags: StartLogFlags): Promise<StartLogs> {
  const { spec: path, data, train, valid, test } = flags;
  const names = { ...(data && { data }), ...(train && { train }), ...(valid && { valid }), ...(test && { test }) };
  const complete = path !== undefined && (data !== undefined || (train && valid && test));
  if (complete) return ownLogs(path, names);
  if (path === undefined && Object.keys(names).length === 0) return generatedLogs(flags);
  if (path === undefined)
    throw new UserError(
      `${nameOf(data ?? train ?? valid ?? test ?? [])}: got a log without --spec, expected a feature spec that says what ` +
        "its columns are; `npx deepfm-edge init LOG` writes one",
    );
  throw new UserError(
    "--spec, --train, --valid and --test go together, or --spec and --data; give none of them for a generated log",
  );
}

function ownLogs(path: string, names: LogNames): StartLogs {
  const spec = readSpec(path);
  const { test, ...logs } = chooseLogs(names, spec);
  if (!test) throw new FormatError(`${path}: data.split.test`, "got 0, expected a share to score over HTTP");
  return { spec, logs: { ...logs, test }, best: null };
}

async function generatedLogs({ out, rows, seed, replaces }: StartLogFlags): Promise<StartLogs> {
  const { train, valid, test, best } = await claimAndGenerate(join(out, "log"), { rows, seed, force: replaces });
  const of = (file: string): LogPart => ({ paths: [file] });
  const spec = readSpec(join(PROJECT, "examples", "generated.json"));
  return { spec, logs: { train: of(train), valid: of(valid), test: of(test) }, best };
}
