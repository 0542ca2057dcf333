import { Command, InvalidArgumentError } from "commander";
import { evaluateOverHttp } from "../../deploy/http-evaluation.ts";
import { readManifest } from "../../format/read-blob.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { openPart } from "../../trainer/data/logs.ts";
import { loadExport } from "../../trainer/export/export.ts";
import { toJson } from "../../trainer/io/files.ts";
import { metricsTable } from "./metrics-table.ts";
import { LOG_HELP, readSpec, tokenOption } from "./options.ts";

interface EvaluateFlags {
  export: string;
  test: string[];
  spec?: string;
  token?: string;
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("Score a labelled log over HTTP and report AUC, logloss and speed.")
    .argument("<url>", "the Worker's address", parseUrl)
    .requiredOption("--export <folder>", "the folder that `export` wrote, for the model's fields")
    .requiredOption("--test <path...>", LOG_HELP)
    .option("--spec <file>", "the feature spec, where its data block makes columns or chooses rows")
    .addOption(tokenOption())
    .option("--json", "print the result as JSON")
    .action(async (url: URL, flags: EvaluateFlags) => {
      const { spec } = readManifest((await loadExport(flags.export)).blob);
      await using log =
        flags.spec === undefined
          ? await ClickLog.open(flags.test)
          : await openPart(readSpec(flags.spec), { paths: flags.test });
      const result = await evaluateOverHttp({ url, ...(flags.token && { token: flags.token }) }, log, spec);
      if (flags.json) return void process.stdout.write(toJson(result));
      const { recordsPerSecond, kvKeysPerRequest, rowsMissing } = result;
      console.log(metricsTable("", [["over HTTP", result]]));
      console.log(`${Math.round(recordsPerSecond)} records/s, ${kvKeysPerRequest.toFixed(2)} KV keys/request`);
      if (rowsMissing > 0)
        console.log(`${rowsMissing} values were scored without their rows, which KV did not deliver`);
    });
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError(`got ${text}, expected one like http://127.0.0.1:8787`);
  return new URL(text);
}
