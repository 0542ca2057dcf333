import { counted } from "../../format/counted.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { type AskedEngine, startEngine } from "../../trainer/engine/engines.ts";
import { DivergedError } from "../../trainer/errors.ts";
import { checkLogForAll } from "../../trainer/evaluation/held-out.ts";
import { checkBlobSize } from "../../trainer/export/size.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import { durationText } from "../../trainer/terminal/progress.ts";
import { clearStatus, hasStatus, showStatus } from "../../trainer/terminal/status-line.ts";
import { warn } from "../../trainer/terminal/warning.ts";
import type { Epoch } from "../../trainer/training/epochs.ts";
import { laneCount } from "./lane-count.ts";
import { ResultStore } from "./result-store.ts";
import type { RunLogs, RunMetrics, RunOutcome } from "./run.ts";
import { openLanes } from "./run-lanes.ts";
import { withSettings } from "./settings.ts";

// A sweep: the runs of several cases, each with several seeds.

/** One spec of a sweep, to be trained with several seeds. */
export interface SweepCase {
  name: string;
  spec: FeatureSpec;
}

export interface SweepOptions extends AskedEngine {
  logs: RunLogs;
  /** How many seeds: the spec's own, and those that follow it. */
  seeds: number;
  /** The folder of finished runs. */
  folder: string;
  /** Trainings that run side by side, and share the engine's threads. Default: as many as there is room for. */
  jobs?: number | undefined;
}

/** A run of a sweep. */
interface SweepRun {
  title: string;
  name: string;
  /** The number of its case, and of its seed. */
  i: number;
  seed: number;
  spec: FeatureSpec;
}

/**
 * Trains each case with each seed, several side by side. Returns the outcomes of each case, one a seed, which do not
 * depend on how many; a run that diverges ends no sweep, and is warned of. A run whose result is in the folder is not
 * trained again. All cases begin with their first seed before any begins with its second, so that whatever else the
 * machine does meanwhile affects all of them alike. Throws DivergedError where every run diverged.
 */
export async function runSweep(cases: readonly SweepCase[], options: SweepOptions): Promise<RunOutcome[][]> {
  const outcomes = await outcomesOf(cases, options);
  const runs = cases.flatMap(({ name }, i) => outcomes[i].map((outcome) => ({ name, outcome })));
  const diverged = runs.flatMap(({ name, outcome }) =>
    "diverged" in outcome ? [{ name, why: outcome.diverged }] : [],
  );
  const [first] = diverged;
  if (first && diverged.length === runs.length)
    throw new DivergedError(`every training diverged, that of ${first.name} as this: ${first.why}`);
  const names = new Set(diverged.map(({ name }) => name));
  if (first) warn(`${diverged.length} of ${runs.length} trainings diverged, of ${[...names].join(", ")}`);
  return outcomes;
}

async function outcomesOf(
  cases: readonly SweepCase[],
  { logs, seeds, folder, jobs, ...asked }: SweepOptions,
): Promise<RunOutcome[][]> {
  const running = await startEngine(asked);
  const store = new ResultStore(folder, logs, running);
  const results: RunOutcome[][] = cases.map(() => []);
  const missing: SweepRun[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    for (const [i, { name, spec: own }] of cases.entries()) {
      const spec = withSettings(own, { "training.seed": own.training.seed + seed }, name);
      const at = seed * cases.length + i + 1;
      const title = `${at} of ${seeds * cases.length}: ${name}, seed ${spec.training.seed}`;
      const kept = store.get(name, spec);
      if (kept) results[i][seed] = kept;
      else missing.push({ title, name, i, seed, spec });
    }
  }
  const all = seeds * cases.length;
  if (missing.length < all) process.stderr.write(`${all - missing.length} of ${all} runs are in ${folder} already\n`);
  if (missing.length === 0) return results;
  // A run that would be refused is found before the others are trained.
  for (const { spec } of missing) checkBlobSize(spec, "int8");
  const specs = cases.map(({ spec }) => spec);
  for (const log of [logs.valid, logs.test]) if (log !== null) await checkLogForAll(specs, log);

  await using stack = new AsyncDisposableStack();
  const lanes = openLanes(await laneCount(jobs, missing.length, specs, logs, running), logs, running);
  for (const lane of lanes) stack.use(lane);
  const standing = new Standing(missing.length);
  await Promise.all(
    lanes.map(async (lane) => {
      for (let run = takeRun(missing, results); run; run = takeRun(missing, results)) {
        const { title, name, i, seed, spec } = run;
        const result = await lane.train(title, spec, (epoch) => standing.show(title, epoch));
        store.put(name, spec, result);
        results[i][seed] = result;
        standing.end(title, resultText(result));
      }
    }),
  );
  return results;
}

/** Takes the next run: of the first seed that has any the one that takes longest, so that no lane ends long before. */
function takeRun(runs: SweepRun[], results: readonly RunOutcome[][]): SweepRun | undefined {
  const [first] = runs;
  const ofSeed = runs.filter(({ seed }) => seed === first?.seed);
  const longest = ofSeed.reduce<SweepRun | undefined>(
    (most, run) => (most && secondsOf(results[most.i]) >= secondsOf(results[run.i]) ? most : run),
    undefined,
  );
  if (longest) runs.splice(runs.indexOf(longest), 1);
  return longest;
}

/** What a case's run with another seed took; 0 where none has ended. */
function secondsOf(outcomes: readonly RunOutcome[]): number {
  return Math.max(0, ...outcomes.flatMap((outcome) => (outcome && "seconds" in outcome ? [outcome.seconds] : [])));
}

/** What a sweep prints of its runs: a line for each that ends, and on a terminal where those are that go on. */
class Standing {
  readonly #started = performance.now();
  readonly #all: number;
  readonly #epochs = new Map<string, Epoch>();
  #ended = 0;

  /** `all`: runs that are to be trained. */
  constructor(all: number) {
    this.#all = all;
  }

  show(title: string, epoch: Epoch): void {
    this.#epochs.set(title, epoch);
    if (!hasStatus()) return;
    const texts = Array.from(this.#epochs, ([of, { epoch: number, ...metrics }]) => {
      return `${of}: epoch ${number}, ${metricsText({ ...metrics, loss: metrics.validLoss })}`;
    });
    showStatus(texts.join("   "));
  }

  end(title: string, text: string): void {
    this.#epochs.delete(title);
    this.#ended++;
    const seconds = (performance.now() - this.#started) / 1000;
    const left = (this.#all - this.#ended) * (seconds / this.#ended);
    clearStatus();
    process.stderr.write(`${title}: ${text}${left > 0 ? `; about ${durationText(left)} left` : ""}\n`);
  }
}

function resultText(outcome: RunOutcome): string {
  if ("diverged" in outcome) return outcome.diverged;
  const { test, epochs, seconds } = outcome;
  return `${metricsText(test)}, ${counted(epochs, "epoch")} in ${durationText(seconds)}`;
}

function metricsText({ auc, logloss, loss }: RunMetrics): string {
  return loss === undefined ? `AUC ${fixed(auc, 5)}, logloss ${fixed(logloss, 5)}` : `loss ${loss.toFixed(5)}`;
}
