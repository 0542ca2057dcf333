import { Random } from "../data/random.ts";
import { DROPOUT_BLOCK, DROPOUT_SEED_STEP, DROPOUT_STEPS, dropoutSteps } from "./dropout-steps.ts";
import * as tf from "./tfjs.ts";

/** Masks of inverted dropout (Srivastava et al. 2014): 0 with probability `rate`, else 1/(1 − rate). */
export class DropoutMasks {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** [rows, columns] */
  mask(rows: number, columns: number, rate: number): tf.Tensor2D {
    const { dropped, scale } = dropoutSteps(rate);
    // A look-up, as the processor mispredicts branches on random bits.
    const table = new Float32Array(DROPOUT_STEPS).fill(scale, dropped);
    const mask = new Float32Array(rows * columns);
    const seed = this.#random.bits();
    for (let first = 0, block = 0; first < mask.length; first += DROPOUT_BLOCK, block++) {
      const random = new Random(seed + block * DROPOUT_SEED_STEP);
      const end = Math.min(first + DROPOUT_BLOCK, mask.length);
      for (let i = first; i < end; i += 4) {
        const bits = random.bits();
        mask[i] = table[bits & 255];
        mask[i + 1] = table[(bits >>> 8) & 255];
        mask[i + 2] = table[(bits >>> 16) & 255];
        mask[i + 3] = table[bits >>> 24];
      }
    }
    return tf.tensor2d(mask, [rows, columns]);
  }
}
