import { join } from "node:path";
import type { Command } from "commander";
import { checkPort } from "../../deploy/dev-server.ts";
import { evaluateOverHttp } from "../../deploy/http-evaluation.ts";
import { checkFolder } from "../../deploy/local-bindings.ts";
import { publish } from "../../deploy/publish.ts";
import { bundleBytes, serve } from "../../deploy/serve.ts";
import { columnsOf } from "../../format/columns.ts";
import { kernelBytes } from "../../runtime/node.ts";
import { openHeldOutLog } from "../../trainer/data/held-out-log.ts";
import { openPart } from "../../trainer/data/logs.ts";
import { type RawRecord, someRecords } from "../../trainer/data/raw-record.ts";
import type { AskedEngine } from "../../trainer/engine/engines.ts";
import { checkLog, scoreHeldOut } from "../../trainer/evaluation/held-out.ts";
import { evaluateInBatch } from "../../trainer/evaluation/in-batch.ts";
import { calibrationText } from "../../trainer/export/calibration-evidence.ts";
import { exportRun } from "../../trainer/export/export-run.ts";
import type { Quantization } from "../../trainer/export/quantization.ts";
import { type Limits, reportTable } from "../../trainer/export/report.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { toJson } from "../../trainer/io/files.ts";
import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { saveProfile } from "../../trainer/profile/saved-profile.ts";
import { parsePort } from "../../trainer/terminal/number-option.ts";
import { shellWord } from "../../trainer/terminal/shell-word.ts";
import { MODEL_FILE, saveRun } from "../../trainer/training/run-folder.ts";
import { recordEpochs, runRecord } from "../../trainer/training/run-record.ts";
import { train } from "../../trainer/training/train.ts";
import {
  engineOf,
  jsonOption,
  type LimitFlags,
  LOG_HELP,
  limitsOf,
  parsePositiveInteger,
  parseRows,
  quantizeOption,
  withEngine,
  withLimits,
} from "./options.ts";
import { prepareLogs, type StartLogFlags } from "./start/logs.ts";
import { type StartResult, summaryData, summaryText } from "./start/summary.ts";

export interface StartOptions extends StartLogFlags, AskedEngine {
  cache?: string;
  quantize: Quantization;
  /** What the export may lose. */
  limits: Limits;
  /** Exports even what loses more, and replaces what is there. */
  force?: boolean;
  /** Whether the folder is this command's own, which it may replace. */
  ownFolder?: boolean;
  /** The Worker's port; 0 is a free one. */
  port: number;
  json?: string;
  /** Stops the server at the end, in a terminal too. */
  exit?: boolean;
}

const JSON_RESULT = jsonResult("start", "engine");

export function defineStart(command: Command): void {
  command
    .option("--spec <file>", "feature spec of your own data; with --data, or --train, --valid and --test")
    .option("--data <path...>", "one log, which the spec's data.split divides into three")
    .option("--train <path...>", LOG_HELP)
    .option("--valid <path...>", "the log that decides when to stop")
    .option("--test <path...>", "the log to score over HTTP")
    .option("--out <folder>", "where everything is written", "runs/start")
    .option("--rows <n>", "rows of the generated log", parseRows, 600_000)
    .option("--seed <n>", "seed of the generated log", parsePositiveInteger, 7)
    .option("--port <n>", "the Worker's port (default: a free one)", parsePort, 0)
    .addOption(jsonOption("write the final table as JSON", JSON_RESULT))
    .option("--cache <folder>", "where encoded logs are kept (default: <out>/cache)")
    .option("--exit", "stop the server at the end, in a terminal too")
    .addOption(quantizeOption());
  withLimits(withEngine(command)).action((flags: Omit<StartOptions, "limits" | "ownFolder"> & LimitFlags) =>
    start({ ...flags, limits: limitsOf(flags), ownFolder: command.getOptionValueSource("out") === "default" }),
  );
}

/** The whole path: click log → training → export → KV → Worker in workerd → the test split scored over HTTP. */
export async function start(options: StartOptions): Promise<void> {
  const { out, quantize, limits, force, port, json } = options;

  // What would stop the last steps is better said before the first.
  const store = join(out, "kv");
  checkFolder(store);
  if (port !== 0) await checkPort(port);
  // Nothing else may write into the folder meanwhile.
  using _lock = new FolderLock(out);
  const replaces = force === true || options.ownFolder === true;
  claimResult(out, MODEL_FILE, { what: "a finished run", force: replaces });

  // 1. The click log: the user's, or a generated one whose best metrics are known.
  const { spec, logs, best } = await prepareLogs({ ...options, replaces });

  for (const log of [logs.valid, logs.test]) await checkLog(spec, log);

  // 2. Training.
  const cache = options.cache ?? join(out, "cache");
  const trained = await train(spec, {
    ...logs,
    cache,
    onEpoch: recordEpochs(out, logs.valid),
    quantize,
    ...engineOf(options),
  });
  saveRun(out, trained, logs.valid);
  saveProfile(out, trained.profile);

  // 3. Export, checked against the trainer on the test split.
  await using test = await openPart(spec, logs.test);
  const { exported, report, calibration } = await exportRun(trained, {
    folder: join(out, "export"),
    quantization: quantize,
    limits,
    force,
    calibrationLog: await openHeldOutLog(spec, trained, logs.valid, cache),
    heldOutLog: test,
    trainedWith: runRecord(trained.spec, trained.engine),
    onReport: (measured) => console.log(reportTable(measured)),
  });

  if (calibration) console.log(calibrationText(calibration));

  // 4. Into a local KV.
  await publish(exported, { remote: false, persistTo: store }, { becomesDefault: true });

  // 5. Served from there, and the test split scored over HTTP.
  await using server = await serve(store, port);
  const http = await evaluateOverHttp(server, test, trained.fitted, { loss: spec.training.loss });
  const inBatch =
    spec.training.loss === "in-batch"
      ? await evaluateInBatch(trained, await scoreHeldOut(trained, logs.test, cache), logs.train, logs.test, cache)
      : null;

  // 6. The summary, and a request to try.
  const result: StartResult = {
    ...{ engine: trained.engine, best, report, http, inBatch, exported },
    kernelBytes: kernelBytes(),
    workerBytes: await bundleBytes(),
  };
  console.log(summaryText(result));
  if (json) writeResult(json, toJson(summaryData(result)), JSON_RESULT);
  if (process.stdout.isTTY && !options.exit) {
    const [record = {}] = await someRecords(test, columnsOf(trained.fitted.fields), 1);
    await stayUp(server.url, record);
  }
}

/** Lets the server run until Ctrl-C, and prints a request to try. */
async function stayUp(url: URL, record: RawRecord): Promise<void> {
  const body = shellWord(JSON.stringify({ records: [record] }));
  const request = `curl ${url}v1/score -H 'content-type: application/json' -d ${body}`;
  console.log(`\nThe Worker is up. Open ${url} in a browser, or try:\n\n  ${request}\n\nCtrl-C stops it.`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}
