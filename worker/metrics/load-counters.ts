/** What became of loads of models in this isolate since it started. */
export interface LoadCounters {
  /** Models that were loaded. */
  loaded: number;
  /** Pointers that could not be followed, and models that failed a check. */
  failed: number;
  /** Models that there was no memory for. */
  refused: number;
  /** Models that made room for others. */
  evicted: number;
}

export function noLoads(): LoadCounters {
  return { loaded: 0, failed: 0, refused: 0, evicted: 0 };
}
