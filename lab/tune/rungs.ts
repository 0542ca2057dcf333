/** A stage of successive halving. */
export interface Rung {
  trials: number;
  /** The most epochs that each trial is trained for. */
  epochs: number;
  /** Seeds that each trial is trained with, the spec's and those that follow it; the mean counts. Default: 1. */
  seeds?: number;
}

/**
 * The rungs of successive halving (Jamieson and Talwalkar 2016, algorithm 1; with η as in Li et al. 2018, "Hyperband",
 * algorithm 1). The last rung has `maxEpochs`, and each rung before it 1/η of the epochs of the next, down to
 * `minEpochs`. The best 1/η of a rung's trials reach the next rung, at least one.
 */
export function rungsOf(trials: number, maxEpochs: number, minEpochs: number, eta: number): Rung[] {
  const epochs = [maxEpochs];
  for (let e = Math.floor(maxEpochs / eta); e >= Math.max(1, minEpochs); e = Math.floor(e / eta)) epochs.unshift(e);
  const rungs: Rung[] = [];
  let left = trials;
  for (const e of epochs) {
    rungs.push({ trials: left, epochs: e });
    left = Math.max(1, Math.floor(left / eta));
  }
  return rungs;
}
