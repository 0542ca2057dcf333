// That all contestants of a case compute the same: their logits of the same records.
import type { Contestant } from "./contestant.ts";

const RECORDS = 64;

/** Largest |Δlogit| in standard deviations of the logits: float32 sums in another order. */
const F32_BOUND = 1e-4;
/** 7- and 8-bit weights and activations, whose roundings meet differently in either implementation. */
const INT8_BOUND = 0.2;

export interface Agreement {
  name: string;
  /** Largest |Δlogit| to the reference, in standard deviations of the reference's logits. */
  worst: number;
}

/** Compares each with `f32`, ours. Throws where one is further off than its arithmetic allows. */
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
