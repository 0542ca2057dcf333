import type { Policy } from "../../../format/policy.ts";
import type { AnalysisPlan } from "./plan.ts";
import type { RewardModels } from "./reward-models.ts";

/** What is analyzed, and how. */
export interface AnalysisOptions {
  /** Files, globs and folders with newline JSON. */
  logs: readonly string[];
  plan: AnalysisPlan;
  /** Only this phase; all of them by default. */
  phase?: string | undefined;
  /** Whether metrics are shown although the experiment is not sound. */
  inSpiteOfMismatch?: boolean | undefined;
  /** Policies that might have ordered each arm's lists by its own logits. */
  whatIf?: readonly Policy[] | undefined;
  /** What says how probable a click is, for what others would have earned; a line through logits by default. */
  rewardModels?: RewardModels | undefined;
  /** Lifts of the primary metric that units are planned for. */
  planEffects?: readonly number[] | undefined;
  /** The folder for what does not fit into memory. */
  temporary?: string | undefined;
}
