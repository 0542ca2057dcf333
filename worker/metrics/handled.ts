import type { ScoreResult } from "../scoring/score-request.ts";

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
  /** What it was scored with; null: it was not. */
  result: ScoreResult | null;
}
