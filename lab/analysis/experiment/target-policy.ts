import type { Policy } from "../../../format/policy.ts";
import type { Candidates } from "../../../runtime/orders/candidates.ts";
import { plackettLuceMarginals } from "../../../runtime/orders/marginals.ts";
import { descending } from "../../../runtime/orders/ranking.ts";

// What a policy would do with a list that another one has ordered.

/** What would have ordered a list. */
export interface Target {
  name: string;
  policy: Policy;
  /** Whose logits it orders by: those of the arm's model, or the shadow's. */
  logits: "own" | "shadow";
}

/** The probability of each of n candidates in the first slot. */
export function firstSlotProbabilities(
  policy: Policy,
  { logits, rivalLogits }: Pick<Candidates, "logits" | "rivalLogits">,
): Float64Array {
  const n = logits.length;
  const p = new Float64Array(n);
  if (policy.pinned?.includes(0)) {
    p[0] = 1;
    return p;
  }
  const free = Array.from({ length: n }, (_, i) => i).filter((i) => !policy.pinned?.includes(i));
  const best = (values: ArrayLike<number>): number =>
    free.reduce((top, i) => (values[i] > values[top] ? i : top), free[0]);
  switch (policy.policy) {
    case "greedy":
      p[best(logits)] = 1;
      return p;
    case "epsilon-greedy":
      for (const i of free) p[i] = policy.epsilon / free.length;
      p[best(logits)] += 1 - policy.epsilon;
      return p;
    case "team-draft":
      for (const own of [logits, rivalLogits ?? logits]) p[best(own)] += 0.5;
      return p;
    case "plackett-luce": {
      const top = logits[best(logits)];
      let sum = 0;
      for (const i of free) sum += p[i] = Math.exp((logits[i] - top) / policy.temperature);
      return p.map((value) => value / sum);
    }
  }
}

/**
 * Whether a policy that ordered a list of n candidates may have shown, as its first item or as its first ones, whatever
 * another one would. What it never shows has no propensity, and weights say nothing of it: their mean is below 1.
 */
export function hasSupport(logged: Policy, target: Target, n: number): { first: boolean; list: boolean } {
  const own = target.policy;
  const onlyIn = (a: Policy, b: Policy): number[] =>
    a.pinned?.filter((slot) => slot < n && !b.pinned?.includes(slot)) ?? [];
  if (onlyIn(logged, own).length > 0) return { first: false, list: false };
  // One of two models' best of what is not pinned: the arm's own is in the first slot of every other list.
  if (logged.policy === "team-draft") {
    const isSamePool = onlyIn(own, logged).length === 0;
    return { first: target.logits === "own" && own.policy === "greedy" && isSamePool, list: false };
  }
  return { first: true, list: true };
}

/**
 * Whether `rankMarginals` knows a policy's of so many of the first slots: without pins, those of what has no chance in
 * it, and Plackett–Luce's where it draws all of these slots.
 */
export function hasMarginals(policy: Policy, slots: number): boolean {
  if (policy.pinned?.length) return false;
  return policy.policy === "greedy" || (policy.policy === "plackett-luce" && (policy.k ?? slots) >= slots);
}

/** P(item at rank): `[rank * n + item]`, for the first `ranks` of n. Of a policy that has marginals. */
export function rankMarginals(policy: Policy, { logits }: Pick<Candidates, "logits">, ranks: number): Float64Array {
  const n = logits.length;
  if (policy.policy === "plackett-luce")
    return plackettLuceMarginals(
      Float64Array.from(logits, (logit) => logit / policy.temperature),
      ranks,
    );
  const marginals = new Float64Array(Math.min(ranks, n) * n);
  for (const [rank, item] of descending(Float64Array.from(logits)).slice(0, ranks).entries())
    marginals[rank * n + item] = 1;
  return marginals;
}
