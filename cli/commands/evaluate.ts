import type { Command } from "commander";
import * as v from "valibot";
import { evaluateOverHttp } from "../../deploy/http-evaluation.ts";
import { counted } from "../../format/counted.ts";
import { readManifest } from "../../format/read-blob.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { openPart, recordsText, scoredPart } from "../../trainer/data/logs.ts";
import type { Part } from "../../trainer/data/split.ts";
import { UserError } from "../../trainer/errors.ts";
import { openExport } from "../../trainer/export/export.ts";
import { toJson } from "../../trainer/io/files.ts";
import { warn } from "../../trainer/terminal/warning.ts";
import { metricsTable } from "./metrics-table.ts";
import { LOG_HELP, partOption, readSpec, tokenOption } from "./options.ts";

interface EvaluateFlags {
  export: string;
  test: string[];
  spec?: string;
  token?: string;
  model?: string;
  part?: Part | "all";
  json?: boolean;
}

export function defineEvaluate(command: Command): void {
  command
    .argument("<url>", "the Worker's address, with the path below which its routes are")
    .requiredOption("--export <folder>", "the folder that `export` wrote, for the model's fields")
    .requiredOption("--test <path...>", LOG_HELP)
    .option("--spec <file>", "the feature spec, where its data block makes columns or chooses rows")
    .addOption(
      partOption(
        "which part of the log to score, where the spec's data.split divides it (default: the one for the test)",
      ),
    )
    .option("--model <name>", "the model to ask, as name or name@version (default: the Worker's default one)")
    .addOption(tokenOption())
    .option("--json", "print the result as JSON")
    .action(async (address: string, { token, model, ...flags }: EvaluateFlags) => {
      const url = parseUrl(address);
      const { version, blob } = await openExport(flags.export);
      const { spec, evidence } = readManifest(blob);
      const loss = lossOf(evidence);
      const data = flags.spec === undefined ? null : readSpec(flags.spec);
      const scored = scoredPart(data, flags.test, flags.part);
      await using log = data ? await openPart(data, scored) : await ClickLog.open(scored.paths);
      const server = { url, ...(token && { token }), ...(model && { model }) };
      const result = await evaluateOverHttp(server, log, spec, { loss });
      const others = result.scoredBy.filter((name) => !name.endsWith(`@${version}`));
      if (others.length > 0)
        warn(`${flags.export}: got scores of ${others.join(" and ")}, expected those of ${version}; --model names one`);
      if (flags.json) return void process.stdout.write(toJson({ part: scored.part ?? "all", ...result }));
      const { recordsPerSecond, kvKeysPerRequest, rowsMissing } = result;
      console.log(loss === "logistic" ? metricsTable("", [["over HTTP", result]]) : NO_PROBABILITIES);
      console.log(recordsText(result.records, scored));
      const rate = Math.round(recordsPerSecond).toLocaleString("en");
      console.log(`${rate} records/s, ${kvKeysPerRequest.toFixed(2)} KV keys/request`);
      if (rowsMissing > 0)
        console.log(
          `${counted(rowsMissing, "value")} ${rowsMissing === 1 ? "was scored without its row" : "were scored without their rows"}, which KV did not deliver`,
        );
    });
}

const NO_PROBABILITIES =
  "the model learned by the in-batch loss: its scores are no probabilities, so that AUC and logloss say nothing of them; " +
  "`retrieve` measures its recall";

const Training = v.object({ loss: v.picklist(["logistic", "in-batch"]) });
const EvidenceSchema = v.object({ provenance: v.object({ spec: v.object({ training: Training }) }) });

/** What the exported model learned by, as its evidence says. */
function lossOf(evidence: unknown): v.InferOutput<typeof Training>["loss"] {
  const said = v.safeParse(EvidenceSchema, evidence);
  return said.success ? said.output.provenance.spec.training.loss : "logistic";
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    const guess = text.includes("://") || !URL.canParse(`http://${text}`) ? "http://127.0.0.1:8787" : `http://${text}`;
    throw new UserError(`the Worker's address: got ${text}, expected one like ${guess}`);
  }
  if (url.username !== "" || url.password !== "")
    throw new UserError(`the Worker's address: got one with a user or password, expected --token`);
  return url;
}
