import { FormatError, show } from "../../format/errors.ts";
import type { Policy } from "../../format/policy.ts";

/** What is ordered: the n candidates of a list, in the caller's order. */
export interface Candidates {
  /** n ids, no two alike. */
  ids: readonly string[];
  /** Whether it is known already that no two ids are alike. */
  distinct?: boolean;
  /** n logits of the arm's model: float32 numbers, as a log line has them, so that it replays to the same order. */
  logits: ArrayLike<number>;
  /** n logits of the other model, for team-draft. */
  rivalLogits?: ArrayLike<number>;
}

/**
 * The most that |logit/τ| may be for Plackett–Luce. Numbers of this size have steps of 2⁻³², so that the noise added to
 * them still tells any two candidates apart, and orders come with the probabilities that are stated.
 */
const MAX_SCALED_LOGIT = 2 ** 20;

/** Throws FormatError, with the place, where a policy cannot order the candidates with known probabilities. */
export function checkCandidates({ ids, distinct, logits, rivalLogits }: Candidates, policy: Policy): void {
  const limit = policy.policy === "plackett-luce" ? MAX_SCALED_LOGIT * policy.temperature : Number.POSITIVE_INFINITY;
  checkLogits("logits", logits, ids.length, limit);
  if (policy.policy === "team-draft") {
    if (rivalLogits === undefined) throw new FormatError("rivalLogits", "got none, expected those of the rival model");
    checkLogits("rivalLogits", rivalLogits, ids.length, limit);
  }
  if (distinct || new Set(ids).size === ids.length) return;
  const places = new Map<string, number>();
  for (const [i, id] of ids.entries()) {
    const before = places.get(id);
    if (before !== undefined)
      throw new FormatError(`ids[${i}]`, `got ${show(id)}, which is ids[${before}] too, expected each once`);
    places.set(id, i);
  }
}

function checkLogits(name: string, logits: ArrayLike<number>, count: number, limit: number): void {
  if (logits.length !== count)
    throw new FormatError(name, `got ${logits.length}, expected one for each of ${count} ids`);
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(logits[i]))
      throw new FormatError(`${name}[${i}]`, `got ${logits[i]}, expected a finite number`);
    if (Math.abs(logits[i]) > limit)
      throw new FormatError(`${name}[${i}]`, `got ${logits[i]}, expected ±${limit} at most with this temperature`);
  }
}
