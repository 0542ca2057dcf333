// What the race says to a contestant, a process of its own, and what that says back: one line of JSON each way.
import type { Part } from "../../trainer/model/step-clock.ts";
import type { Case, RecordsFile } from "./cases.ts";

export type Command =
  /** Gets ready for a case, whose records are in `folder`; `weights`: with the initial weights that are there. */
  | { do: "open"; case: Case; folder: string; file: RecordsFile; weights: boolean }
  /** Writes the weights into `folder`: table.f32 [V, k + 1] and dense.f32. Ours alone can. */
  | { do: "save"; folder: string }
  /** Learns from the first batch so many times, and tells the loss before each. */
  | { do: "losses"; count: number }
  /** Takes so many steps over the shuffled records. */
  | { do: "steps"; count: number }
  | { do: "peak" };

export interface Replies {
  open: { versions: Record<string, string> };
  save: object;
  losses: { losses: number[] };
  /** Milliseconds of all steps, and of their parts as far as they can be told apart; "step" is all but the input. */
  steps: { ms: number; parts: Partial<Record<Part | "step", number>> };
  /** Bytes of the process at its largest. */
  peak: { peakBytes: number };
}

/** In place of a reply: what is asked for does not work here. */
export interface Refusal {
  error: string;
}
