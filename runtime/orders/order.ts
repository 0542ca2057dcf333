import { FormatError, show } from "../../format/errors.ts";
import type { Policy } from "../../format/policy.ts";
import { type Candidates, checkCandidates } from "./candidates.ts";
import { drawEpsilonGreedy, epsilonGreedyLogPropensities } from "./epsilon-greedy.ts";
import { gumbel, Noise } from "./noise.ts";
import { drawPlackettLuce, plackettLuceLogPropensities } from "./plackett-luce.ts";
import { Pool } from "./pool.ts";
import { descending } from "./ranking.ts";
import { type Draft, drawTeamDraft, teamDraftLogPropensities } from "./team-draft.ts";

// The one way from logits to an order, for the Worker that shows lists, and for the analysis that replays its log. No
// function of Math that engines may round in ways of their own is in it: elementary.ts has logarithm and exponential.

/** A list's order with its probability. */
export interface Order {
  /** n indices of candidates, in the order shown. */
  shown: number[];
  /** Of each of the first k slots: ln of the probability of its item, given the slots before it. */
  logPropensities: number[];
  /** ln of the probability of the list: their sum. The slots after the k-th follow without chance. */
  logPropensity: number;
  /** For team-draft: coins and teams of the slots that are not pinned. */
  draft?: Omit<Draft, "order">;
}

/**
 * Orders candidates by a policy. `seed`: the request's 16 bytes. Throws FormatError where candidates have no logit or
 * two have the same id.
 */
export function drawOrder(policy: Policy, candidates: Candidates, seed: Uint8Array): Order {
  checkCandidates(candidates, policy);
  const pool = new Pool(candidates, policy);
  const { order, draft } = draw(policy, candidates, pool, new Noise(seed));
  const shown = pool.placed(completed(order, pool));
  const logPropensities =
    policy.policy === "greedy"
      ? shown.map(() => 0)
      : conditional(policy, candidates, pool, shown.slice(0, policy.k ?? shown.length));
  return { shown, logPropensities, logPropensity: sum(logPropensities), ...(draft && { draft }) };
}

/**
 * ln of the probability of each of a list's first slots under a policy, given the slots before it: −∞ where the policy
 * never shows that. `shown`: indices of candidates, all of them or the first ones. With the logits of another model,
 * that is the propensity with which its arm would have shown the list. Throws FormatError as `drawOrder` does, and
 * where `shown` is no part of an order.
 */
export function logPropensities(policy: Policy, candidates: Candidates, shown: readonly number[]): number[] {
  checkCandidates(candidates, policy);
  checkShown(shown, candidates.ids.length);
  return conditional(policy, candidates, new Pool(candidates, policy), shown);
}

interface Drawn {
  /** The first free slots: numbers of the pool. May be longer than those that are drawn. */
  order: number[];
  draft?: Omit<Draft, "order">;
}

function draw(policy: Policy, { ids, rivalLogits }: Candidates, pool: Pool, noise: Noise): Drawn {
  const uniforms = (): number[] => pool.candidates.map((i) => noise.ofCandidate(ids[i]));
  const { logits, drawn: slots } = pool;
  switch (policy.policy) {
    case "greedy":
      return { order: [] };
    case "plackett-luce":
      return { order: drawPlackettLuce(scaled(logits, policy.temperature), uniforms().map(gumbel)) };
    case "epsilon-greedy":
      return { order: drawEpsilonGreedy(logits, uniforms(), noise, { epsilon: policy.epsilon, slots }) };
    case "team-draft": {
      const { order, ...draft } = drawTeamDraft(logits, pool.of(rivalLogits ?? []), noise, slots);
      return { order, draft };
    }
  }
}

/** Free slots that are drawn, then the rest by logit. */
function completed(order: readonly number[], { drawn, logits }: Pool): number[] {
  const first = order.slice(0, drawn);
  if (drawn === logits.length) return first;
  const taken = logits.map(() => false);
  for (const item of first) taken[item] = true;
  return [...first, ...descending(logits).filter((item) => !taken[item])];
}

/** ln of the probability of each slot of `shown`, the tail that follows by logit too. */
function conditional(policy: Policy, candidates: Candidates, pool: Pool, shown: readonly number[]): number[] {
  const free = pool.freed(shown);
  // A list without a pinned item where it belongs cannot come, whichever slot it is told by.
  if (free === undefined) return shown.map(() => Number.NEGATIVE_INFINITY);
  const drawn = conditionalOfDrawn(policy, candidates, pool, free.slice(0, pool.drawn));
  const greedy = drawn.length < free.length ? epsilonGreedyLogPropensities(pool.logits, free, 0) : drawn;
  let next = 0;
  return shown.map((_, slot) => {
    if (pool.isPinned(slot)) return 0;
    const j = next++;
    return (j < drawn.length ? drawn : greedy)[j];
  });
}

function conditionalOfDrawn(
  policy: Policy,
  { rivalLogits }: Candidates,
  pool: Pool,
  free: readonly number[],
): number[] {
  switch (policy.policy) {
    case "greedy":
      return [];
    case "plackett-luce":
      return plackettLuceLogPropensities(scaled(pool.logits, policy.temperature), free);
    case "epsilon-greedy":
      return epsilonGreedyLogPropensities(pool.logits, free, policy.epsilon);
    case "team-draft":
      return teamDraftLogPropensities(pool.logits, pool.of(rivalLogits ?? []), free);
  }
}

function scaled(logits: readonly number[], temperature: number): number[] {
  return logits.map((logit) => logit / temperature);
}

function checkShown(shown: readonly number[], count: number): void {
  const seen = new Array<boolean>(count).fill(false);
  for (const [slot, item] of shown.entries()) {
    if (seen[item] === undefined)
      throw new FormatError(`shown[${slot}]`, `got ${show(item)}, expected 0 to ${count - 1}`);
    if (seen[item]) throw new FormatError(`shown[${slot}]`, `got ${item} once more, expected each candidate once`);
    seen[item] = true;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
