/** Rates are rounded to multiples of 1/256, so that one random word decides four units. */
export const DROPOUT_STEPS = 256;

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
