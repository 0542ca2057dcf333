import { join } from "node:path";
import type { FeatureSpec } from "../../format/spec.ts";
import { Random } from "../../trainer/data/random.ts";
import { type AskedEngine, askFor, type ChosenEngine, startEngine } from "../../trainer/engine/engines.ts";
import { DivergedError } from "../../trainer/errors.ts";
import { checkBlobSize } from "../../trainer/export/size.ts";
import { adviceFor } from "../../trainer/model/divergence.ts";
import { durationText, within } from "../../trainer/terminal/progress.ts";
import { runKey } from "../sweeps/result-store.ts";
import { type RunLogs, trainRun } from "../sweeps/run.ts";
import { type SettingOverrides, settingAt, settingsText, withSettings } from "../sweeps/settings.ts";
import {
  byQuality,
  checkOneJudge,
  DIVERGED,
  isDiverged,
  type Judged,
  judgedBy,
  judgedText,
  meanMetrics,
  trialMetrics,
} from "./judge.ts";
import type { Rung } from "./rungs.ts";
import { draw, type SearchSpace } from "./space.ts";
import { type Trial, TrialLog } from "./trial-log.ts";

export interface TuneOptions extends AskedEngine {
  /** The training and the validation log; a test log has no part in a choice. */
  logs: RunLogs;
  rungs: readonly Rung[];
  /** Seed of the draws; the trainings have the spec's. */
  seed: number;
  /** Whether the first trial has the spec's own settings. Default: false. */
  own?: boolean;
  /** The folder of trials.jsonl. */
  folder: string;
}

export interface Tuned {
  /** The spec with the best settings. */
  spec: FeatureSpec;
  best: Trial;
  /** Every trial as its last rung left it: those of a later rung before those of an earlier one, the best first. */
  trials: Trial[];
  /** Every trial on every rung, in the order in which they were trained. */
  history: Trial[];
}

interface Candidate {
  trial: number;
  settings: SettingOverrides;
  spec: FeatureSpec;
}

/**
 * Draws trials from the space (random search: Bergstra and Bengio 2012) and trains them rung by rung. The best of each
 * rung, by what `training.monitor` names on the validation log, reach the next; where a rung has several seeds, the
 * mean counts. A trial that reaches the next rung is trained anew with more epochs, unless it had stopped early: then
 * it would only repeat itself, and keeps its result. Trials that are in the folder are not trained again. Throws
 * DivergedError where every trial diverged.
 */
export async function tune(
  spec: FeatureSpec,
  space: SearchSpace,
  spaceName: string,
  { logs, rungs, seed, own = false, folder, ...asked }: TuneOptions,
): Promise<Tuned> {
  checkOneJudge(space, spaceName);
  const judged = judgedBy(spec);
  const better = byQuality(judged);
  let candidates = drawCandidates(spec, space, spaceName, rungs[0]?.trials ?? 0, { seed, own });
  // A trial that could not be trained, or a seed that there is not, is found before hours of training.
  const further = Math.max(...rungs.map(({ seeds = 1 }) => seeds)) - 1;
  for (const { trial, spec: own } of candidates) {
    withSettings(own, { "training.seed": own.training.seed + further }, `${spaceName}, trial ${trial}`);
    checkBlobSize(own, "int8");
  }
  const running = await startEngine(asked);
  const log = new TrialLog(join(folder, "trials.jsonl"));
  const progress = new Progress(rungs, judged);
  const history: Trial[] = [];
  let ranked: Trial[] = [];
  let before = new Map<number, Trial>();
  for (const [i, { trials, epochs, seeds = 1 }] of rungs.entries()) {
    candidates = candidates.slice(0, trials);
    const now = new Map<number, Trial>();
    for (const [j, candidate] of candidates.entries()) {
      const title = `rung ${i + 1} of ${rungs.length}, trial ${j + 1} of ${candidates.length}`;
      const runs: Trial[] = [];
      for (let extra = 0; extra < seeds; extra++) {
        const { training } = candidate.spec;
        const settings = { "training.maxEpochs": epochs, "training.seed": training.seed + extra };
        const budgeted = withSettings(candidate.spec, settings, spaceName);
        const earlier = extra === 0 ? before.get(candidate.trial) : undefined;
        const stopped = earlier && earlier.epochs < earlier.budget ? { ...earlier, budget: epochs } : undefined;
        const key = runKey(budgeted, logs, running);
        const known = stopped ?? log.get(key);
        const trained = known ?? { ...(await within(title, () => run(candidate, budgeted, logs, running))), key };
        if (!known) log.add(trained);
        // A known one may be another search's, which gave it another number and may name other settings of its spec.
        const { trial, settings: drawn } = candidate;
        const one = { ...trained, trial, settings: drawn };
        runs.push(one);
        progress.show(
          extra === 0 ? title : `${title}, seed ${training.seed + extra}`,
          one,
          epochs,
          known !== undefined,
        );
      }
      now.set(candidate.trial, meanOf(runs));
    }
    history.push(...now.values());
    candidates.sort((a, b) => better(now.get(a.trial) as Trial, now.get(b.trial) as Trial));
    const reached = new Set(now.keys());
    ranked = [
      ...candidates.map(({ trial }) => now.get(trial) as Trial),
      ...ranked.filter((t) => !reached.has(t.trial)),
    ];
    before = now;
  }
  const [winner] = candidates;
  const best = winner && before.get(winner.trial);
  if (!winner || !best) throw new Error("got no trial, expected at least one");
  if (isDiverged(best.valid)) throw new DivergedError(`every trial diverged; ${adviceFor(winner.spec)}`);
  return { spec: winner.spec, best, trials: ranked, history };
}

/** After so many draws in a row without a new one the space counts as used up. */
const MAX_REPEATS = 1000;

/** Draws `count` different settings, the spec's `own` among them, or fewer where the space has no more. */
function drawCandidates(
  spec: FeatureSpec,
  space: SearchSpace,
  spaceName: string,
  count: number,
  { seed, own }: { seed: number; own: boolean },
): Candidate[] {
  const random = new Random(seed);
  const drawn = new Map<string, SettingOverrides>();
  if (own) {
    const settings = Object.fromEntries(Object.keys(space.parameters).map((path) => [path, settingAt(spec, path)]));
    drawn.set(JSON.stringify(settings), settings);
  }
  for (let repeats = 0; drawn.size < count && repeats < MAX_REPEATS; ) {
    const settings = draw(space, random);
    const key = JSON.stringify(settings);
    repeats = drawn.has(key) ? repeats + 1 : 0;
    drawn.set(key, settings);
  }
  if (drawn.size < count) process.stderr.write(`${spaceName} has ${drawn.size} different settings, not ${count}\n`);
  return [...drawn.values()].map((settings, i) => ({
    trial: i + 1,
    settings,
    spec: withSettings(spec, settings, `${spaceName}, trial ${i + 1}`),
  }));
}

/** A trial's runs with several seeds as one, with their mean metrics. */
function meanOf(runs: readonly Trial[]): Trial {
  return { ...runs[0], valid: meanMetrics(runs.map(({ valid }) => valid)) };
}

async function run(
  { trial, settings }: Candidate,
  spec: FeatureSpec,
  logs: RunLogs,
  engine: ChosenEngine,
): Promise<Omit<Trial, "key">> {
  const budget = spec.training.maxEpochs;
  const outcome = await trainRun(spec, logs, askFor(engine));
  if ("diverged" in outcome) return { trial, budget, settings, valid: DIVERGED, epochs: 0, seconds: 0 };
  const { valid, epochs, seconds } = outcome;
  return { trial, budget, settings, valid: trialMetrics(valid), epochs, seconds };
}

/** Prints after each trial how it went, and how long the rest will take at the pace of the epochs so far. */
class Progress {
  readonly #started = performance.now();
  #epochsLeft: number;
  #epochsDone = 0;
  readonly #judged: Judged;

  constructor(rungs: readonly Rung[], judged: Judged) {
    this.#judged = judged;
    this.#epochsLeft = rungs.reduce((sum, { trials, epochs, seeds = 1 }) => sum + trials * epochs * seeds, 0);
  }

  show(title: string, { trial, settings, valid, epochs }: Trial, budget: number, known: boolean): void {
    this.#epochsLeft -= budget;
    if (!known) this.#epochsDone += epochs;
    const pace = (performance.now() - this.#started) / 1000 / this.#epochsDone;
    const left =
      Number.isFinite(pace) && this.#epochsLeft > 0 ? `; at most ${durationText(pace * this.#epochsLeft)} left` : "";
    process.stderr.write(
      `${title}: ${judgedText(valid, this.#judged)}${known ? ", known" : ""}  #${trial} ${settingsText(settings)}${left}\n`,
    );
  }
}
