import { policyOf } from "../../format/arm.ts";
import { FormatError, RequestError } from "../../format/errors.ts";
import type { Policy } from "../../format/policy.ts";
import { SEED_BYTES } from "../../runtime/orders/noise.ts";
import { drawOrder, type Order } from "../../runtime/orders/order.ts";
import { ModelUnavailableError, RateLimitError, UnknownModelError } from "../http/errors.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import type { ScoreResult } from "../scoring/score-request.ts";
import type { Assigned } from "./visit.ts";

/** A list that is to be ordered. */
export interface ListToArrange {
  /** n ids, no two alike, in the order in which they came. */
  ids: readonly string[];
  /** How many of the first slots are shown, n at most. */
  slots: number;
}

/** What a model made of a list. */
export interface ScoredList {
  model: LoadedModel;
  result: ScoreResult;
}

/** Scores a list by a model, which is named as an arm names it. */
export type ScoreList = (reference: string) => Promise<ScoredList>;

/** Why a list is in the order in which it came, although its arm has another. */
export type FailureReason = "model" | "memory" | "limit" | "request" | "policy" | "error";

/** A list in the order of its arm, or in the one in which it came. */
export interface Arranged {
  list: ListToArrange;
  assigned: Assigned;
  /** Indices of the items that are shown, as many as `slots`; null: the first ones as they came. */
  shown: number[] | null;
  /** The arm's model, where it scored. */
  scored: ScoredList | null;
  /** For team-draft: the rival, where it scored. */
  rival: ScoredList | null;
  drawn: Drawn | null;
  /** Set where the arm's order could not be had. */
  failure: { why: FailureReason; error: unknown } | null;
}

/** How an order was drawn. */
export interface Drawn {
  policy: Policy;
  seed: Uint8Array;
  order: Order;
}

/**
 * Orders a list as its arm says. What fails leaves the list as it came, whatever it is: a list of one arm may not be
 * answered where one of another would not be. Never rejects.
 */
export async function arrange(list: ListToArrange, assigned: Assigned, score: ScoreList): Promise<Arranged> {
  const { arm } = assigned;
  const arranged: Arranged = { list, assigned, shown: null, scored: null, rival: null, drawn: null, failure: null };
  if (arm.model === null) return arranged;
  try {
    const scored = score(arm.model);
    // Beside the own model and not after it, so that both have the same time for their rows.
    const rival = arm.policy.policy === "team-draft" ? score(arm.policy.rival) : null;
    // Where the own model fails, nobody waits for the rival.
    rival?.catch(() => {});
    arranged.scored = await scored;
    arranged.rival = await rival;
    const policy = policyOf(arm, list.slots);
    const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
    const { logits } = arranged.scored.result;
    const rivalLogits = arranged.rival?.result.logits;
    const candidates = { ids: list.ids, distinct: true, logits, ...(rivalLogits && { rivalLogits }) };
    const order = drawOrder(policy, candidates, seed, list.slots);
    arranged.drawn = { policy, seed, order };
    arranged.shown = order.shown;
  } catch (error) {
    arranged.failure = { why: whyOf(error), error };
  }
  return arranged;
}

/** What was missing in time of the rows that a list was scored with, the rival's among them; null: nothing. */
export function missingOf({ scored, rival }: Arranged): ScoreResult["missing"] {
  const own = scored?.result.missing ?? null;
  const other = rival?.result.missing ?? null;
  return own && other ? { rows: own.rows + other.rows, reason: own.reason } : (own ?? other);
}

function whyOf(error: unknown): FailureReason {
  if (error instanceof ModelUnavailableError || error instanceof UnknownModelError) return "model";
  if (error instanceof OverloadedError) return "memory";
  if (error instanceof RateLimitError) return "limit";
  if (error instanceof RequestError) return "request";
  return error instanceof FormatError ? "policy" : "error";
}

/** What a caller may be told of a failure: the log has what is nobody else's, such as what is behind the error. */
export function reasonOf({ why, error }: { why: FailureReason; error: unknown }): string {
  return why === "error" ? "the order failed; the log says why" : String(error);
}
