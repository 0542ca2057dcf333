/** Answers of this isolate since it started that another rung of the ladder gave than the one that was asked for. */
export interface FallbackCounters {
  /** By the default model, in place of the one that the request named. */
  default: number;
  /** By the model that was deployed with the Worker, in place of the published default. */
  bundled: number;
  /** In the caller's own order, without scores. */
  order: number;
}

export function noFallbacks(): FallbackCounters {
  return { default: 0, bundled: 0, order: 0 };
}
