// Checks that all contestants compute the same logits for the first records of a case.
import type { Contestant } from "./contestant.ts";

const RECORDS = 64;

/** How far logits may be apart, in their standard deviations, where only the order of float32 sums differs. */
export const F32_BOUND = 1e-4;
/** The same where weights and activations are rounded to 7 or 8 bits in different ways. */
export const INT8_BOUND = 0.2;

export interface Agreement {
  name: string;
  /** Largest |Δlogit| to the reference, in standard deviations of the reference's logits. */
  worst: number;
}

/** Compares all with `f32`, our float32 kernel. Throws for one that is further off than its arithmetic explains. */
export async function agreement(f32: Contestant, contestants: readonly Contestant[]): Promise<Agreement[]> {
  const reference = await logitsOf(f32);
  const mean = reference.reduce((sum, x) => sum + x, 0) / RECORDS;
  const deviation = Math.sqrt(reference.reduce((sum, x) => sum + (x - mean) ** 2, 0) / RECORDS);
  const found: Agreement[] = [];
  for (const contestant of contestants) {
    const { name } = contestant;
    const logits = await logitsOf(contestant);
    const worst = Math.max(...reference.map((x, r) => Math.abs(logits[r] - x))) / deviation;
    const bound = name.includes("int8") ? INT8_BOUND : F32_BOUND;
    if (!(worst <= bound)) throw new Error(`${name}: got logits ${worst} σ from ours, expected at most ${bound}`);
    found.push({ name, worst });
  }
  return found;
}

async function logitsOf(contestant: Contestant): Promise<Float32Array> {
  const logits = new Float32Array(RECORDS);
  await contestant.score(0, RECORDS, logits);
  return logits;
}
