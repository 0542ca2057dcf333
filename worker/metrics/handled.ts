// The types of counted requests import nothing, as those of the package's options lead here.

/** A request that was answered, as metrics and analytics count it. Of what a client sent it has the method alone. */
export interface Handled {
  /** The method of HTTP, or "rpc". */
  by: string;
  /** The pattern of the route, or the name of the method that was called. */
  route: string;
  /** Whether it asked for scores. */
  scores: boolean;
  status: number;
  /** The last part of the problem's type that it was answered with; null: none. */
  problem: string | null;
  /** Milliseconds. In a deployed Worker clocks stand still while code computes, so that they are those of waiting. */
  ms: number;
  /** How it was scored; null: it was not. */
  scored: Scored | null;
}

/** How a request was scored. */
export interface Scored {
  model: string;
  version: string;
  /** Records, candidates or items. */
  records: number;
  /** Read from the store. */
  keys: number;
  /** Values whose rows were missing, and why; null: none. */
  missing: { rows: number; reason: string } | null;
  /** Values that no row of the model is of. */
  unseen: number;
}

/** What is used of a binding of Workers Analytics Engine. */
export interface AnalyticsDataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}
