/** A stage of successive halving: so many trials, each trained for at most so many epochs. */
export interface Rung {
  trials: number;
  epochs: number;
  /** With so many seeds, the spec's and those that follow it, to be judged by the mean; 1 where it is not given. */
  seeds?: number;
}

/**
 * Successive halving (Jamieson and Talwalkar 2016, algorithm 1; with η as in Li et al. 2018, "Hyperband", algorithm 1):
 * the last rung has `maxEpochs`, each one before it 1/η of the epochs, down to `minEpochs`; from a rung to the next the
 * best 1/η of the trials go on, at least one.
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
