import { FormatError, show } from "../../format/errors.ts";
import type { Policy } from "../../format/policy.ts";
import { doublesOf, integersOf, newArena, zerosOf } from "./arena.ts";
import { type Candidates, checkCandidates } from "./candidates.ts";
import { drawEpsilonGreedy, epsilonGreedyLogPropensities } from "./epsilon-greedy.ts";
import { Noise } from "./noise.ts";
import { drawPlackettLuce, plackettLuceLogPropensities } from "./plackett-luce.ts";
import { Pool } from "./pool.ts";
import { best } from "./ranking.ts";
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
 * Orders candidates by a policy. `seed`: the request's 16 bytes. `slots`: how many of the first slots are asked for;
 * they are the same whatever follows. Throws FormatError where candidates have no logit or two have the same id.
 */
export function drawOrder(
  policy: Policy,
  candidates: Candidates,
  seed: Uint8Array,
  slots = candidates.ids.length,
): Order {
  checkCandidates(candidates, policy);
  newArena();
  const pool = new Pool(candidates, policy, Math.min(slots, candidates.ids.length));
  const { order, draft } = draw(policy, candidates, pool, new Noise(seed));
  const shown = pool.placed(completed(order, pool), Math.min(slots, candidates.ids.length));
  const logPropensities =
    policy.policy === "greedy"
      ? new Array<number>(shown.length).fill(0)
      : withPinned(
          conditionalOfDrawn(policy, candidates, pool, order),
          pool,
          Math.min(policy.k ?? slots, shown.length),
        );
  return { shown, logPropensities, logPropensity: sum(logPropensities), ...(draft && { draft }) };
}

/**
 * ln of the probability of each of a list's first slots under a policy, given the slots before it: −∞ where the policy
 * never shows that, and from a slot on that lacks its pinned item. `shown`: indices of candidates, all of them or the
 * first ones. With the logits of another model, that is the propensity with which its arm would have shown the list.
 * Throws FormatError as `drawOrder` does, and where `shown` is no part of an order.
 */
export function logPropensities(policy: Policy, candidates: Candidates, shown: readonly number[]): number[] {
  checkCandidates(candidates, policy);
  checkShown(shown, candidates.ids.length);
  newArena();
  return conditional(policy, candidates, new Pool(candidates, policy, candidates.ids.length), shown);
}

interface Drawn {
  /** The free slots that are drawn: numbers of the pool. */
  order: Int32Array;
  draft?: Omit<Draft, "order">;
}

function draw(policy: Policy, { ids, rivalLogits }: Candidates, pool: Pool, noise: Noise): Drawn {
  const { logits, drawn: slots } = pool;
  switch (policy.policy) {
    case "greedy":
      return { order: integersOf(0) };
    case "plackett-luce":
      return { order: drawPlackettLuce(scaled(logits, policy.temperature), uniformsOf(ids, pool, noise), slots) };
    case "epsilon-greedy": {
      const uniforms = uniformsOf(ids, pool, noise);
      return { order: drawEpsilonGreedy(pool.byLogit, uniforms, noise, { epsilon: policy.epsilon, slots }) };
    }
    case "team-draft": {
      const { order, ...draft } = drawTeamDraft(pool.byLogit, pool.of(rivalLogits ?? []), noise, slots);
      return { order, draft };
    }
  }
}

/** The noise of each free candidate. */
function uniformsOf(ids: readonly string[], { candidates }: Pool, noise: Noise): Float64Array {
  const uniforms = doublesOf(candidates.length);
  for (let i = 0; i < uniforms.length; i++) uniforms[i] = noise.ofCandidate(ids[candidates[i]]);
  return uniforms;
}

/** Free slots that are drawn, then the rest by logit, as many as are asked for. */
function completed(order: Int32Array, pool: Pool): Int32Array {
  const { drawn, asked, logits } = pool;
  if (drawn === asked) return order;
  if (drawn === 0) return best(logits, asked);
  const { byLogit } = pool;
  const taken = zerosOf(logits.length);
  const whole = integersOf(asked);
  for (let slot = 0; slot < drawn; slot++) {
    whole[slot] = order[slot];
    taken[order[slot]] = 1;
  }
  let next = drawn;
  for (let i = 0; next < asked; i++) if (taken[byLogit[i]] === 0) whole[next++] = byLogit[i];
  return whole;
}

/** ln of the probability of each slot of `shown`, the tail that follows by logit too. */
function conditional(policy: Policy, candidates: Candidates, pool: Pool, shown: readonly number[]): number[] {
  const { free, end } = pool.freed(shown);
  const drawn = conditionalOfDrawn(policy, candidates, pool, free.subarray(0, pool.drawn));
  const greedy = drawn.length < free.length ? epsilonGreedyLogPropensities(pool.byLogit, free, 0) : drawn;
  if (greedy !== drawn) greedy.set(drawn);
  const logs = withPinned(greedy, pool, end);
  // What is before a slot without its pinned item may come; that slot cannot, nor what follows it.
  while (logs.length < shown.length) logs.push(Number.NEGATIVE_INFINITY);
  return logs;
}

/** Those of the first slots, of which pinned ones have what they have with a probability of 1. */
function withPinned(ofFree: Float64Array, pool: Pool, slots: number): number[] {
  const logs: number[] = [];
  let next = 0;
  for (let slot = 0; slot < slots; slot++) logs.push(pool.isPinned(slot) ? 0 : ofFree[next++]);
  return logs;
}

function conditionalOfDrawn(policy: Policy, { rivalLogits }: Candidates, pool: Pool, free: Int32Array): Float64Array {
  switch (policy.policy) {
    case "greedy":
      return doublesOf(0);
    case "plackett-luce":
      return plackettLuceLogPropensities(scaled(pool.logits, policy.temperature), free);
    case "epsilon-greedy":
      return epsilonGreedyLogPropensities(pool.byLogit, free, policy.epsilon);
    case "team-draft":
      return teamDraftLogPropensities(pool.byLogit, pool.of(rivalLogits ?? []), free);
  }
}

function scaled(logits: Float64Array, temperature: number): Float64Array {
  const z = doublesOf(logits.length);
  for (let i = 0; i < z.length; i++) z[i] = logits[i] / temperature;
  return z;
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
  let total = 0;
  for (const value of values) total += value;
  return total;
}
