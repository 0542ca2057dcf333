import { Command, InvalidArgumentError, Option } from "commander";
import { evaluateOverHttp } from "../../deploy/http-evaluation.ts";
import { readManifest } from "../../format/read-blob.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { logName, openPart, scoredPart } from "../../trainer/data/logs.ts";
import { PARTS, type Part } from "../../trainer/data/split.ts";
import { loadExport } from "../../trainer/export/export.ts";
import { toJson } from "../../trainer/io/files.ts";
import { metricsTable } from "./metrics-table.ts";
import { LOG_HELP, readSpec, tokenOption } from "./options.ts";

interface EvaluateFlags {
  export: string;
  test: string[];
  spec?: string;
  token?: string;
  part?: Part | "all";
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("Score a labelled log over HTTP and report AUC, logloss and speed.")
    .argument("<url>", "the Worker's address", parseUrl)
    .requiredOption("--export <folder>", "the folder that `export` wrote, for the model's fields")
    .requiredOption("--test <path...>", LOG_HELP)
    .option("--spec <file>", "the feature spec, where its data block makes columns or chooses rows")
    .addOption(
      new Option(
        "--part <part>",
        "which part of the log to score, where the spec's data.split divides it (default: the one for the test)",
      ).choices([...PARTS, "all"]),
    )
    .addOption(tokenOption())
    .option("--json", "print the result as JSON")
    .action(async (url: URL, flags: EvaluateFlags) => {
      const { spec } = readManifest((await loadExport(flags.export)).blob);
      const data = flags.spec === undefined ? null : readSpec(flags.spec);
      const scored = scoredPart(data, flags.test, flags.part);
      await using log = data ? await openPart(data, scored) : await ClickLog.open(scored.paths);
      const result = await evaluateOverHttp({ url, ...(flags.token && { token: flags.token }) }, log, spec);
      const part = scored.part ?? "all";
      if (flags.json) return void process.stdout.write(toJson({ part, ...result }));
      const { recordsPerSecond, kvKeysPerRequest, rowsMissing } = result;
      console.log(metricsTable("", [["over HTTP", result]]));
      console.log(`${result.records.toLocaleString("en")} records of ${logName(scored)}: ${PART_TEXT[part]}`);
      console.log(`${Math.round(recordsPerSecond)} records/s, ${kvKeysPerRequest.toFixed(2)} KV keys/request`);
      if (rowsMissing > 0)
        console.log(`${rowsMissing} values were scored without their rows, which KV did not deliver`);
    });
}

const PART_TEXT: Record<Part | "all", string> = {
  train: "the part for training that data.split makes",
  valid: "the part for validation that data.split makes",
  test: "the part for the test that data.split makes",
  all: "all of it",
};

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError(`got ${text}, expected one like http://127.0.0.1:8787`);
  return new URL(text);
}
