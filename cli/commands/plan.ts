import type { Command } from "commander";
import { makePlan, type Plan } from "../../deploy/plan/plan.ts";
import { planText } from "../../deploy/plan/plan-text.ts";
import { readBlob } from "../../format/read-blob.ts";
import { DEFAULT_ROW_KEYS_PER_REQUEST } from "../../runtime/rows/row-keys.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { logName, namedLater, openPart } from "../../trainer/data/logs.ts";
import { Random } from "../../trainer/data/random.ts";
import { UserError } from "../../trainer/errors.ts";
import { openExport } from "../../trainer/export/export.ts";
import type { Quantization } from "../../trainer/export/quantization.ts";
import { toJson } from "../../trainer/io/files.ts";
import {
  DEFAULT_CACHE_BYTES,
  PLAN_RECORDS,
  planOfExport,
  planOfTrained,
  recordsOfFrequencies,
  recordsOfLog,
} from "../../trainer/plan/planned-model.ts";
import { integerWithin, numberWithin } from "../../trainer/terminal/number-option.ts";
import { loadRun } from "../../trainer/training/run-folder.ts";
import { kindOfFolder } from "./inspect/run.ts";
import { quantizeOption } from "./options.ts";

interface PlanFlags {
  data?: string[];
  frequencies?: boolean;
  records: number;
  candidates: number;
  cacheMib: number;
  keys: number;
  quantize: Quantization;
  json?: boolean;
}

/** Of more, memory would be short: a record takes 12 bytes for each value. */
const MOST_RECORDS = 5_000_000;
/** The most candidates that a request may have. */
const MOST_CANDIDATES = 10_000;
/** The most keys that ROW_KEYS_PER_REQUEST may allow a request. */
const MOST_KEYS = 1000;
/** The most and the least that an isolate has for cached rows. */
const [LEAST_CACHE_MIB, MOST_CACHE_MIB] = [1, 32];
const SEED = 1;

export function definePlan(command: Command): void {
  command
    .argument("<folder>", "the folder that `train` saved or that `export` wrote")
    .option("--data <path...>", "log to replay (default: the run's validation log); an export needs one")
    .option("--frequencies", "draw records by how often training saw each value, in place of a log")
    .option(
      "--records <n>",
      "records of the log to replay, the first ones",
      integerWithin(4, MOST_RECORDS),
      PLAN_RECORDS,
    )
    .option("--candidates <n>", "candidates of a request to rank", integerWithin(1, MOST_CANDIDATES), 500)
    .option(
      "--cache-mib <n>",
      "MiB of an isolate for cached rows, up to 32: what models leave",
      numberWithin(LEAST_CACHE_MIB, MOST_CACHE_MIB),
      DEFAULT_CACHE_BYTES / 2 ** 20,
    )
    .option(
      "--keys <n>",
      "keys that a request may read: ROW_KEYS_PER_REQUEST of the Worker",
      integerWithin(1, MOST_KEYS),
      DEFAULT_ROW_KEYS_PER_REQUEST,
    )
    .addOption(quantizeOption())
    .option("--json", "print the plan as JSON")
    .action(async (folder: string, flags: PlanFlags) => {
      const { plan, what } = await planOf(folder, flags);
      if (flags.json) process.stdout.write(toJson({ log: what, ...plan }));
      else console.log(`${what}\n${planText(plan)}`);
    });
}

async function planOf(folder: string, flags: PlanFlags): Promise<{ plan: Plan; what: string }> {
  const { data, frequencies, candidates, quantize, records: most } = flags;
  const limits = { cacheBytes: flags.cacheMib * 2 ** 20, keysPerRequest: flags.keys };
  const first = `its first ${most.toLocaleString("en")} records at most`;
  if (data && frequencies) throw new UserError("got both --data and --frequencies, expected one of them");
  if (kindOfFolder(folder) === "export") {
    if (!data)
      throw new UserError(`${folder}: got an export and no log, expected --data, as only a run has frequencies`);
    const stored = await openExport(folder);
    const { spec } = readBlob(stored.blob);
    await using log = await ClickLog.open(data);
    const { records, model, sizes } = await planOfExport(stored, (rows) => recordsOfLog(log, spec, rows, most));
    return {
      plan: makePlan({ ...model, limits }, records, { ...sizes, candidates }),
      what: `${logName({ paths: data })}: ${first}; the first half says how frequent rows are`,
    };
  }
  const run = loadRun(folder);
  const { model, sizes, fitted } = planOfTrained(run, quantize);
  if (frequencies) {
    const records = recordsOfFrequencies({ model, fitted }, new Random(SEED), most);
    return {
      plan: makePlan({ ...model, limits }, records, { ...sizes, candidates }),
      what: "records that are drawn by the frequencies of values in training, each field by itself",
    };
  }
  const part = data ? namedLater(run.spec, run.findValidLog, data, "test") : run.findValidLog();
  await using log = await openPart(run.spec, part);
  const records = await recordsOfLog(log, fitted, run.vocabulary, most);
  return {
    plan: makePlan({ ...model, limits }, records, { ...sizes, candidates }),
    what: `${logName(part)}: ${part.part ? `its part for ${part.part}, ` : ""}${first}`,
  };
}
