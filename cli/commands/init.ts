import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { counted } from "../../format/counted.ts";
import { parseFeatureSpec } from "../../format/spec.ts";
import { modelNameFor, SAMPLE_RECORDS, surveyLog } from "../../lab/init/init.ts";
import { chooseLabel, guessLabel, type LabelChoice, labelCandidates } from "../../lab/init/label.ts";
import { makePlan, type Plan } from "../../lab/init/plan.ts";
import { PLAN_HEAD, planRows } from "../../lab/init/plan-table.ts";
import { specText } from "../../lab/init/spec-text.ts";
import type { Survey } from "../../lab/init/survey.ts";
import { FORMATS, type LogFormat } from "../../trainer/data/files.ts";
import { UserError } from "../../trainer/errors.ts";
import { writeWhole } from "../../trainer/io/files.ts";
import { fileToWrite } from "../../trainer/terminal/path-option.ts";
import { shellWord } from "../../trainer/terminal/shell-word.ts";
import { table } from "../../trainer/terminal/table.ts";
import { warn } from "../../trainer/terminal/warning.ts";
import { askLabel, askSidesAndSplit } from "./init/questions.ts";
import { LOG_HELP, parsePositiveInteger } from "./options.ts";

interface InitFlags {
  out: string;
  label?: string;
  format?: LogFormat;
  records: number;
  yes?: boolean;
  force?: boolean;
}

export function defineInit(command: Command): void {
  command
    .argument("<log...>", LOG_HELP)
    .option("--out <file>", "the feature spec to write", fileToWrite(null), "spec.json")
    .option(
      "--label <column>",
      "the column to predict (default: the one whose name and values say so); where its two values are not 0 and 1, " +
        "COLUMN=VALUE says which of them means a click",
    )
    .addOption(new Option("--format <name>", "the log's format, where its name does not end in one").choices(FORMATS))
    .option("--records <n>", "records to look at, drawn from all of the log", parsePositiveInteger, SAMPLE_RECORDS)
    .option("--yes", "ask nothing, in a terminal too")
    .option("--force", "write over a file that is there")
    .action(init);
}

/** Columns of a table where no terminal says how wide it is. */
const DEFAULT_COLUMNS = 140;

async function init(paths: string[], flags: InitFlags): Promise<void> {
  const { out, label: asked, format, records } = flags;
  if (existsSync(out) && !flags.force)
    throw new UserError(`${out}: got a file that is there already, expected a new name, or --force to write over it`);
  const asks = !flags.yes && process.stdin.isTTY === true && process.stderr.isTTY === true;

  const survey = await surveyLog(paths, { ...(format && { format }) }, records);
  const label = await labelOf(survey, asked, asks);
  let plan = makePlan(survey, label);
  if (!plan.columns.some(({ fields }) => fields.length > 0)) throw noField(plan);
  if (asks) plan = makePlan(survey, label, await askSidesAndSplit(plan));

  const log = paths.map(shellWord).join(" ");
  const name = modelNameFor(paths, format);
  const next = `npx deepfm-edge train ${shellWord(out)} --data ${log} --out runs/${name}`;
  const { total, records: looked } = survey.sample;
  const head = [
    `Written by \`deepfm-edge init\` after a look at ${looked < total ? `${looked.toLocaleString("en")} of ` : ""}` +
      `${counted(total, "record")} of ${survey.sample.log}. Check what it says.`,
  ];
  const text = specText(plan, name, head);
  parseFeatureSpec(text, out); // which throws where a plan is none, before anything is written
  writeWhole(out, text);
  plan.warnings.forEach(warn);
  console.log(table(PLAN_HEAD, planRows(plan, process.stdout.columns ?? DEFAULT_COLUMNS)));
  console.log(`${out}: split ${splitText(plan)}. Check it, and then\n\n  ${next}\n`);
  const start = `npx deepfm-edge start --spec ${shellWord(out)} --data ${log} --out runs/${name}`;
  console.log(`or all the way to scores over HTTP:\n\n  ${start}\n`);
}

async function labelOf({ columns, sample }: Survey, asked: string | undefined, asks: boolean): Promise<LabelChoice> {
  if (asked !== undefined || !asks || labelCandidates(columns).length === 0)
    return chooseLabel(columns, sample.log, asked);
  return chooseLabel(columns, sample.log, await askLabel(columns, guessLabel(columns)));
}

function noField({ columns, survey, label }: Plan): UserError {
  const reasons = columns
    .filter(({ use }) => use !== "label")
    .map(({ column, reasons: [reason] }) => `  ${column.name}: ${reason}`);
  const got = `${survey.sample.log}: got no column that can be a field beside the label ${label.column.name}, expected one`;
  return new UserError(reasons.length === 0 ? got : `${got}:\n${reasons.join("\n")}`);
}

function splitText({ split: { split } }: Plan): string {
  if (split.kind === "random") return "at random";
  return split.kind === "time" ? `by time (${split.by})` : `by ${split.by}`;
}
