import { setImmediate } from "node:timers/promises";
import type { FeatureSpec } from "../../format/spec.ts";
import { Random } from "../../trainer/data/random.ts";
import type { TrainingBatch, TrainingSource } from "../../trainer/data/source.ts";
import { openTrainingLog } from "../../trainer/data/training-log.ts";
import { type Backend, startBackend } from "../../trainer/engine/backend.ts";
import type { Learner } from "../../trainer/model/learner.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { startLearner } from "../../trainer/training/train.ts";
import type { ExperimentLogs } from "./run.ts";

// How long an epoch takes, of several models on one machine in the same minutes. What the epochs of finished runs took
// would say more of what else the machine did on the day of each.

/** Rounds in which each model trains a piece; the first only warms up. */
const ROUNDS = 5;
/**
 * How long a piece is: as long for each model, so that another process takes its share of all. A piece of as many records
 * for each would be 20 ms of an LR beside 2 s of a deep model, and on a busy machine those 20 ms were found to vary fourfold.
 */
const PIECE_SECONDS = 1;
/** Fewest batches of a piece. */
const LEAST_BATCHES = 3;

interface Runner {
  learner: Learner;
  source: TrainingSource;
  training: FeatureSpec["training"];
}

/**
 * Seconds of an epoch of each spec, reading included: the median of rounds in which each trains a piece of an epoch in
 * turn, so that what else the machine does falls on all of them. Wall time, as it is what a user waits. All
 * learners and one shuffle buffer are in memory. `name`: what the progress calls it.
 */
export async function measureEpochs(
  name: string,
  specs: readonly FeatureSpec[],
  logs: ExperimentLogs,
  backend?: Backend,
): Promise<number[]> {
  await startBackend(backend);
  const runners: Runner[] = [];
  for (const spec of specs) {
    const log = await openTrainingLog(spec, logs.train, logs.cache);
    runners.push({ learner: await startLearner(spec, log), source: log.source, training: spec.training });
  }
  const task = startTask(name, ROUNDS * runners.length, "pieces");
  const paces: number[][] = runners.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, runner] of runners.entries()) {
      const pace = await trainPiece(runner, round);
      if (round > 0) paces[i]?.push(pace);
      task.advance(1);
    }
  }
  task.done();
  return runners.map(({ source }, i) => source.count * median(paces[i] as number[]));
}

/**
 * Trains a piece, which ends where the shuffle buffer does at the latest. Returns the seconds of a record: of its step, and
 * of its reading, which is timed as the buffer is filled and shared among all that are in it.
 */
async function trainPiece({ learner, source, training }: Runner, round: number): Promise<number> {
  const batches = source.epoch(new Random(training.seed + round));
  const opened = performance.now();
  const first = await batches.next();
  const started = performance.now();
  if (first.done) throw new Error("got a training log without a batch");
  const { dataset } = first.value;
  let steps = 0;
  let records = 0;
  let ended = started;
  let batch: TrainingBatch | undefined = first.value;
  while (batch?.dataset === dataset && (steps < LEAST_BATCHES || ended - started < 1000 * PIECE_SECONDS)) {
    learner.step(dataset, batch.records, training.learningRate);
    await setImmediate(); // as Training does
    ended = performance.now();
    steps++;
    records += batch.records.length;
    const next = await batches.next();
    batch = next.done ? undefined : next.value;
  }
  await batches.return(undefined);
  return ((started - opened) / dataset.count + (ended - started) / records) / 1000;
}

/** The middle number, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}
