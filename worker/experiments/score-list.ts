import { FALLBACK_WAIT_MS } from "../limits.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import type { ModelAccess } from "../models/model-store.ts";
import type { RouteOptions } from "../route-options.ts";
import { type ScoreOptions, type ScoreRequest, scoreRequest } from "../scoring/score-request.ts";
import type { ScoreList } from "./arrange.ts";

/** What a list is scored with, beside the model. */
export interface ListAccess extends ModelAccess {
  /** Milliseconds for rows from now on, where the model's pointer says no other. */
  rowDeadlineMs: number;
  /** What of that is gone already. */
  spentMs: number;
  /** Pages that may be asked of the source. */
  maxKeys: number;
}

/**
 * Scores a list by models that arms name. One that is not loaded is waited for as long as for rows, and no client is
 * charged for it: the payload names it, not they.
 */
export function listScorer(request: ScoreRequest, { models, rows }: RouteOptions, access: ListAccess): ScoreList {
  const started = performance.now();
  let loaded: Promise<unknown> = Promise.resolve();
  const load = (reference: string): Promise<LoadedModel> => {
    // An isolate loads one model at a time, and none waits in the time of another.
    const mine = loaded.then(() => models.use(reference, uncharged(access), FALLBACK_WAIT_MS));
    loaded = mine.catch(() => {});
    return mine;
  };
  return async function scoreList(reference) {
    const model = models.ready(reference, access) ?? (await load(reference));
    const { rowDeadlineMs, spentMs, source, maxKeys, charge, keepAlive, lease } = access;
    const deadlineMs = (model.deadlineMs ?? rowDeadlineMs) - spentMs - (performance.now() - started);
    const options: ScoreOptions = { model, rows, source, deadlineMs, maxKeys, charge, keepAlive, lease };
    return { model, result: await scoreRequest(request, options) };
  };
}

function uncharged(access: ListAccess): ModelAccess {
  return { ...access, charge: null };
}
