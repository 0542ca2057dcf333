import { Command, InvalidArgumentError } from "commander";
import { FormatError } from "../../../format/errors.ts";
import { parsePolicy } from "../../../format/policy.ts";
import { parseWrittenJson } from "../../../format/written-json.ts";
import { analyzeExperiment } from "../../../lab/analysis/experiment/analyze.ts";
import { type AnalysisPlan, LEAST_ALPHA, MOST_ALPHA, parsePlan } from "../../../lab/analysis/experiment/plan.ts";
import { RewardModels } from "../../../lab/analysis/experiment/reward-models.ts";
import { experimentFiles } from "../../../lab/analysis/log/log-files.ts";
import { experimentReport } from "../../../lab/report/experiment-report.ts";
import { pageResult } from "../../../lab/report/page.ts";
import { checkNotRead } from "../../../trainer/data/files.ts";
import { UserError } from "../../../trainer/errors.ts";
import { toJson } from "../../../trainer/io/files.ts";
import { writeResult } from "../../../trainer/io/result-file.ts";
import { decimalOf } from "../../../trainer/terminal/number-option.ts";
import { fileToWrite } from "../../../trainer/terminal/path-option.ts";
import { warn } from "../../../trainer/terminal/warning.ts";
import { parsePositiveInteger, readSpec, readText } from "../options.ts";
import { analysisText } from "./analysis-text.ts";

const PAGE = pageResult("experiment analyze");

interface AnalyzeFlags {
  logs: string[];
  plan?: string;
  experiment?: string;
  phase?: string;
  control?: string;
  weights?: Record<string, number>;
  alpha?: number;
  plannedUnits?: number;
  primary?: string;
  segment?: string[];
  prePeriod?: { from: string; to: string };
  whatIf?: string[];
  rewardModel?: string[];
  rewardSpec?: string;
  items?: string[];
  planEffect?: number[];
  inSpiteOfSrm?: boolean;
  json?: boolean;
  html?: string;
}

/** The exit code where arms cannot be compared, so that no script takes the silence about a lift for none. */
const UNSOUND = 3;

export const EXPERIMENT_LOGS_HELP =
  "exposures and events: files, globs or folders of newline JSON (.jsonl, .ndjson, .json, also .gz, .zst)";

export function analyzeCommand(): Command {
  return new Command("analyze")
    .description(
      "Judge an experiment by its log: whether its arms can be compared, which is better, and what another policy " +
        `would have earned. Exits with ${UNSOUND} where arms cannot be compared.`,
    )
    .requiredOption("--logs <path...>", EXPERIMENT_LOGS_HELP)
    .option("--plan <file>", "what it is to be judged by, as JSON; each option below says one part of it")
    .option("--experiment <name>", "the experiment, where the log has several")
    .option("--phase <hash>", "one phase only (default: each, by itself)")
    .option("--control <arm>", "the arm that others are compared with (default: origin, control, or the first by name)")
    .option("--weights <arm=n,...>", "how units are divided between arms (default: equally)", parseWeights)
    .option("--alpha <p>", "the probability of finding an effect where there is none (default: 0.05)", parseShare)
    .option("--planned-units <n>", "units of all arms at which the experiment ends", parsePositiveInteger)
    .option("--primary <metric>", "the metric that decides (default: the first, clicks)")
    .option("--segment <field...>", "what divides lists: list, worker, ctx.NAME (default: list)")
    .option("--pre-period <from/to>", "the time before the experiment, for CUPED: two dates", parsePeriod)
    .option("--plan-effect <lift...>", "units that a lift of the primary metric needs, such as 0.02", parseLifts)
    .option("--what-if <policy...>", "a policy as JSON that might have ordered each arm's lists by its own logits")
    .option(
      "--reward-model <export...>",
      "exports that say how probable a click is, for DR: the first was trained without the first fold of units, and so on",
    )
    .option("--reward-spec <file>", "the feature spec that they were trained by")
    .option("--items <path...>", "the catalogue that they need, with the columns of items")
    .option("--in-spite-of-srm", "show metrics although units or lines of an arm are missing, and exit with 0")
    .option("--json", "print the result as JSON")
    .option("--html <file>", "write a report, which needs no script to be read", fileToWrite(PAGE))
    .action(async (flags: AnalyzeFlags) => {
      // Of files that options name by themselves that is checked already.
      if (flags.html !== undefined) checkNotRead(flags.html, experimentFiles(flags.logs));
      const analysis = await analyzeExperiment({
        logs: flags.logs,
        plan: planOf(flags),
        phase: flags.phase,
        inSpiteOfMismatch: flags.inSpiteOfSrm,
        planEffects: flags.planEffect,
        rewardModels: await rewardModelsOf(flags),
        whatIf: flags.whatIf?.map((text) => parsePolicy(parseWrittenJson(text, "--what-if"), "--what-if")),
      });
      if (!flags.inSpiteOfSrm && analysis.phases.some(({ soundness }) => !soundness.sound)) process.exitCode = UNSOUND;
      if (flags.rewardModel && analysis.phases.every(({ offPolicy }) => offPolicy.length === 0))
        warn("--reward-model: got nothing to judge, expected a policy by --what-if, or lines with a shadow's logits");
      if (flags.html !== undefined) writeResult(flags.html, await experimentReport(analysis), PAGE);
      if (flags.json) return void process.stdout.write(toJson(analysis));
      console.log(analysisText(analysis));
      if (flags.html !== undefined) console.log(`report: ${flags.html}`);
    });
}

async function rewardModelsOf({ rewardModel, rewardSpec, items }: AnalyzeFlags): Promise<RewardModels | undefined> {
  if (rewardModel && rewardSpec !== undefined) return await RewardModels.open(rewardModel, readSpec(rewardSpec), items);
  if (rewardModel || rewardSpec !== undefined || items)
    throw new UserError("got a part of --reward-model, --reward-spec and --items, expected the first two at least");
  return undefined;
}

/** The plan's file, with what options say in the place of what it says. */
function planOf(flags: AnalyzeFlags): AnalysisPlan {
  const written: unknown = flags.plan === undefined ? {} : parseWrittenJson(readText(flags.plan), flags.plan);
  if (typeof written !== "object" || written === null || Array.isArray(written))
    throw new FormatError(flags.plan ?? "plan", "got no object, expected the parts of a plan");
  const { experiment, control, weights, alpha, plannedUnits, primary, segment: segments, prePeriod } = flags;
  const said = { experiment, control, weights, alpha, plannedUnits, primary, segments, prePeriod };
  const known = Object.entries(said).filter(([, value]) => value !== undefined);
  return parsePlan({ ...written, ...Object.fromEntries(known) }, flags.plan);
}

function parseWeights(text: string): Record<string, number> {
  const weights = text.split(",").map((part): [string, number] => {
    const [, arm, number = ""] = /^(.+)=([0-9.]+)$/.exec(part.trim()) ?? [];
    if (arm === undefined || !(decimalOf(number) >= 0))
      throw new InvalidArgumentError(`got ${part}, expected an arm and its weight, such as origin=1`);
    return [arm, decimalOf(number)];
  });
  const [again] = weights.find(([arm], i) => weights.findIndex(([other]) => other === arm) < i) ?? [];
  if (again !== undefined) throw new InvalidArgumentError(`got the arm ${again} twice, expected it once`);
  return Object.fromEntries(weights);
}

function parseShare(text: string): number {
  const value = decimalOf(text);
  if (value >= LEAST_ALPHA && value <= MOST_ALPHA) return value;
  throw new InvalidArgumentError(`got ${text}, expected ${LEAST_ALPHA} to ${MOST_ALPHA}, such as 0.05`);
}

function parsePeriod(text: string): { from: string; to: string } {
  const [from, to, ...more] = text.split("/");
  if (from === undefined || to === undefined || more.length > 0)
    throw new InvalidArgumentError(`got ${text}, expected two dates such as 2026-01-01/2026-01-08`);
  return { from, to };
}

/** Nobody has the units that a smaller one needs. */
const LEAST_LIFT = 1e-9;

function parseLifts(text: string, before: number[] = []): number[] {
  const value = decimalOf(text);
  if (!(Math.abs(value) >= LEAST_LIFT && Number.isFinite(value)))
    throw new InvalidArgumentError(`got ${text}, expected a lift such as 0.02`);
  return [...before, value];
}
