/** Rates are rounded to multiples of 1/256, so that one random word decides four units. */
export const DROPOUT_STEPS = 256;

/** Each block of so many units has a generator of its own, so that threads can draw them in any order. */
export const DROPOUT_BLOCK = 4096;

/** What the seeds of two blocks differ by. */
export const DROPOUT_SEED_STEP = 0x9e3779b9;

/** A unit is dropped where its random byte is less than `dropped`; one that is kept is multiplied by `scale`. */
export interface DropoutSteps {
  dropped: number;
  scale: number;
}

/** A rate of dropout as every engine has it. */
export function dropoutSteps(rate: number): DropoutSteps {
  const dropped = Math.round(rate * DROPOUT_STEPS);
  return { dropped, scale: DROPOUT_STEPS / (DROPOUT_STEPS - dropped) };
}
