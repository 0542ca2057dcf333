import * as v from "valibot";
import { ReferenceSchema } from "../../format/model-reference.ts";
import { ModelUnavailableError } from "../http/errors.ts";
import { FALLBACK_WAIT_MS, LOAD_WAIT_MS } from "../limits.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import type { ModelAccess, ModelStore } from "../models/model-store.ts";

/** Members of a body: the model that is to score it, and whether the default model may where that one cannot now. */
export const modelChoice = {
  model: v.optional(ReferenceSchema),
  fallback: v.optional(v.literal("default", 'expected "default"')),
};

/** What a ranking may fall back to, the nearest first: the default model, and the order that it came in. */
export const rankFallback = v.optional(
  v.union(
    [v.literal("default"), v.literal("order"), v.strictTuple([v.literal("default"), v.literal("order")])],
    'expected "default", "order" or ["default", "order"]',
  ),
);

export interface ModelChoice {
  model?: string | undefined;
  fallback?: v.InferOutput<typeof rankFallback>;
}

/** Whether a request is answered in its own order where no model can score it. */
export function mayKeepOrder({ fallback }: ModelChoice): boolean {
  return fallback !== undefined && fallback !== "default";
}

/** The model that a body names which may be anything; null: none, or no text that names one. */
export function chosenBy(body: unknown): string | null {
  const model = typeof body === "object" && body !== null && "model" in body ? body.model : null;
  return v.is(ReferenceSchema, model) ? model : null;
}

export interface ChosenModel {
  model: LoadedModel;
  /** Set where it is not the one that the request names. */
  fallback: Fallback | null;
}

/**
 * In an answer by the default model, or in the request's own order: which model the request named, and why that could
 * not score it.
 */
export interface Fallback {
  /** "default" where it named none. */
  from: string;
  /** Set where no model scored it. */
  to?: "order";
  reason: string;
}

/**
 * The model that a request chooses, which is not evicted until the request's lease ends. It is there at once where it
 * serves already. Rejects with ModelUnavailableError where it cannot score now, with UnknownModelError where there is
 * none of the name, fallback or not, and with RateLimitError.
 */
export function chosenModel(
  models: ModelStore,
  { model, fallback }: ModelChoice,
  access: ModelAccess,
): ChosenModel | Promise<ChosenModel> {
  const ready = models.ready(model ?? null, access);
  return ready ? { model: ready, fallback: null } : loadedModel(models, { model, fallback }, access);
}

async function loadedModel(models: ModelStore, choice: ModelChoice, access: ModelAccess): Promise<ChosenModel> {
  // As of one that waits for rows.
  access.keepAlive(access.lease.untilEnd());
  const { model: reference = null, fallback } = choice;
  const waitMs = mayKeepOrder(choice) ? FALLBACK_WAIT_MS : LOAD_WAIT_MS;
  if (reference === null || fallback === undefined || fallback === "order")
    return { model: await models.use(reference, access, waitMs), fallback: null };
  try {
    return { model: await models.use(reference, access, FALLBACK_WAIT_MS), fallback: null };
  } catch (error) {
    if (!(error instanceof ModelUnavailableError)) throw error;
    return { model: await models.use(null, access, waitMs), fallback: { from: reference, reason: error.message } };
  }
}

/** How a request is answered that no model can score now; null where the error is none of those, or it may not be. */
export function orderFallback(choice: ModelChoice, error: unknown): Fallback | null {
  if (!mayKeepOrder(choice)) return null;
  const isPassing = error instanceof ModelUnavailableError || (error instanceof OverloadedError && !error.never);
  return isPassing ? { from: choice.model ?? "default", to: "order", reason: error.message } : null;
}
