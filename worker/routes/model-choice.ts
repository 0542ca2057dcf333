import * as v from "valibot";
import { ModelUnavailableError } from "../http/errors.ts";
import { FALLBACK_WAIT_MS, LOAD_WAIT_MS } from "../limits.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import { ReferenceSchema } from "../models/model-reference.ts";
import type { ModelAccess, ModelStore } from "../models/model-store.ts";

/** Members of a body: the model that is to score it, and whether the default model may where that one cannot now. */
export const modelChoice = {
  model: v.optional(ReferenceSchema),
  fallback: v.optional(v.literal("default", 'expected "default"')),
};

export interface ModelChoice {
  model?: string | undefined;
  fallback?: "default" | undefined;
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

/** In an answer by the default model: which one the request named, and why that could not score it. */
export interface Fallback {
  from: string;
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
  return ready ? { model: ready, fallback: null } : loadedModel(models, model ?? null, fallback !== undefined, access);
}

async function loadedModel(
  models: ModelStore,
  reference: string | null,
  mayFallBack: boolean,
  access: ModelAccess,
): Promise<ChosenModel> {
  if (reference === null || !mayFallBack)
    return { model: await models.use(reference, access, LOAD_WAIT_MS), fallback: null };
  try {
    return { model: await models.use(reference, access, FALLBACK_WAIT_MS), fallback: null };
  } catch (error) {
    if (!(error instanceof ModelUnavailableError)) throw error;
    const model = await models.use(null, access, LOAD_WAIT_MS);
    return { model, fallback: { from: reference, reason: error.message } };
  }
}
