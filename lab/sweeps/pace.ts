import { setImmediate } from "node:timers/promises";
import type { FeatureSpec, ResolvedSpec } from "../../format/spec.ts";
import { Random } from "../../trainer/data/random.ts";
import type { TrainingSource } from "../../trainer/data/source.ts";
import { openTrainingLog } from "../../trainer/data/training-log.ts";
import { type AskedEngine, startEngine } from "../../trainer/engine/engines.ts";
import { DivergedError } from "../../trainer/errors.ts";
import { median } from "../../trainer/metrics/median.ts";
import type { Learner } from "../../trainer/model/learner.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { startLearner } from "../../trainer/training/train.ts";
import type { RunLogs } from "./run.ts";

// How long an epoch of several models takes, measured on one machine in the same minutes. The times of finished runs
// cannot be compared: they depend on what else the machine did on the day of each.

/** Rounds in which each model trains a piece; the first only warms up. */
const ROUNDS = 5;
/**
 * Every model's pieces take this long, so that other processes slow all models alike. With pieces of equal numbers of
 * records, an LR's would take 20 ms beside a deep model's 2 s, and on a busy machine those 20 ms varied fourfold.
 */
const PIECE_SECONDS = 1;
/** A piece has at least so many batches, however long they take. */
const LEAST_BATCHES = 3;

interface Runner {
  learner: Learner;
  source: TrainingSource;
  training: ResolvedSpec["training"];
}

/**
 * Seconds that an epoch of each spec takes, reading included, by the clock on the wall, as that is what a user waits.
 * In each of several rounds every spec trains a piece of an epoch, one after the other, so that whatever else the
 * machine does slows all of them; the median of the rounds counts. All learners and one shuffle buffer are in memory.
 * `name` is shown with the progress. NaN for a spec whose training diverges here.
 */
export async function measureEpochs(
  name: string,
  specs: readonly FeatureSpec[],
  logs: RunLogs,
  asked: AskedEngine = {},
): Promise<number[]> {
  const engine = await startEngine(asked);
  const runners: Runner[] = [];
  for (const spec of specs) {
    const log = await openTrainingLog(spec, logs.train, logs.cache);
    runners.push({
      learner: await startLearner(log.spec, log, engine),
      source: log.source,
      training: log.spec.training,
    });
  }
  using task = startTask(name, ROUNDS * runners.length, "piece");
  const paces: number[][] = runners.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, runner] of runners.entries()) {
      const pace = await trainPiece(runner, round).catch(nanIfDiverged);
      if (round > 0) paces[i].push(pace);
      task.advance(1);
    }
  }
  task.done();
  return runners.map(({ source }, i) => source.count * median(paces[i]));
}

function nanIfDiverged(error: unknown): number {
  if (error instanceof DivergedError) return Number.NaN;
  throw error;
}

/**
 * Trains a piece, which ends where the epoch does at the latest. Returns seconds a record: the time from the first
 * batch on, waiting for others included, divided by the records trained.
 */
async function trainPiece({ learner, source, training }: Runner, round: number): Promise<number> {
  await using batches = source.epoch(new Random(training.seed + round));
  let next = await batches.next();
  if (next.done) throw new Error("got a training log without a batch");
  const started = performance.now();
  let ended = started;
  let records = 0;
  for (let steps = 0; !next.done; steps++) {
    if (steps >= LEAST_BATCHES && ended - started >= 1000 * PIECE_SECONDS) break;
    const batch = next.value;
    learner.step(batch.dataset, batch.records, training.learningRate);
    await setImmediate(); // Training does so after each step, and it takes time
    records += batch.records.length;
    next = await batches.next();
    ended = performance.now();
  }
  return (ended - started) / records / 1000;
}
