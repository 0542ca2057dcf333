/** A number over several seeds. */
export interface Spread {
  mean: number;
  /** Sample standard deviation, with n − 1; 0 for one seed. */
  sd: number;
}

export function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** The mean with five decimals, and the standard deviation where there is more than one seed; a dash for no number. */
export function spreadText({ mean, sd }: Spread, seeds: number): string {
  if (Number.isNaN(mean)) return "–";
  return seeds > 1 ? `${mean.toFixed(5)} ± ${sd.toFixed(5)}` : mean.toFixed(5);
}
