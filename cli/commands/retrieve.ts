import type { Command } from "commander";
import { counted } from "../../format/counted.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { checkPositives } from "../../trainer/data/label-counts.ts";
import { type LogPart, logName, namedLater } from "../../trainer/data/logs.ts";
import { type Part, testedPart } from "../../trainer/data/split.ts";
import { type AskedEngine, startEngineOfRun } from "../../trainer/engine/engines.ts";
import { UserError } from "../../trainer/errors.ts";
import { RECALL_AT } from "../../trainer/evaluation/in-batch.ts";
import { checkRetrieves, measureRetrieval } from "../../trainer/evaluation/retrieval.ts";
import { toJson } from "../../trainer/io/files.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import { table } from "../../trainer/terminal/table.ts";
import { loadRun } from "../../trainer/training/run-folder.ts";
import {
  engineOf,
  jsonOption,
  type LogFlags,
  parsePositiveInteger,
  testedLogs,
  withEngine,
  withLogs,
} from "./options.ts";

interface RetrieveFlags extends LogFlags, AskedEngine {
  at: number;
  json?: string;
}

const JSON_RESULT = jsonResult("retrieve", "k");

export function defineRetrieve(command: Command): void {
  command.argument("<run>", "the folder that `train` saved");
  const valid = "not used: only the training log's items are ranked";
  const options = withLogs(command, "the log whose positive records are looked for", valid)
    .option("--at <k>", "the k of recall@k", parsePositiveInteger, RECALL_AT)
    .addOption(jsonOption("write the result as JSON", JSON_RESULT));
  withEngine(options, true).action(async (folder: string, flags: RetrieveFlags) => {
    const run = loadRun(folder, engineOf(flags));
    checkRetrieves(run.spec);
    await startEngineOfRun(run.record, engineOf(flags));
    if (!flags.data && !flags.train)
      throw new UserError("got no log whose items are ranked, expected --train, or --data for one log");
    const {
      train: trainLog,
      test: testLog,
      cache,
    } = testedLogs({ ...flags, ...(flags.train && { valid: flags.train }) }, run.spec);
    const { split } = run.spec.data;
    const partOf = (log: LogPart, part: Part): LogPart =>
      log.part ? log : namedLater(run.spec, run.findValidLog, log.paths, part);
    const [train, test] = [
      await openHeldOutLog(run.spec, run, partOf(trainLog, "train"), cache),
      await openHeldOutLog(run.spec, run, partOf(testLog, split ? testedPart(split) : "test"), cache),
    ];
    checkPositives(logName(testLog), run.spec, test.labels, "their items are looked for");
    const result = await measureRetrieval(run.learner, run.spec, train, test, flags.at);
    if (flags.json) writeResult(flags.json, toJson(result), JSON_RESULT);
    const { k, positives, items, recall, popularity } = result;
    console.log(
      table(
        [`${counted(positives, "positive")}, ${counted(items, "item")}`, `recall@${k}`],
        [
          ["two-tower", recall.toFixed(4)],
          ["most popular", popularity.toFixed(4)],
          ["ratio", fixed(recall / popularity, 2)],
        ],
      ),
    );
  });
}
