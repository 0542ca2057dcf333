import type { Exposure } from "../../../format/exposure.ts";
import { readFloats } from "../../../format/floats.ts";

/**
 * Which of a list's slots were seen. all: every one. cascade: who reads from the top stops at the last click, and has
 * read everything where there is none (Craswell, Zoeter, Taylor and Ramsey 2008, "An Experimental Comparison of Click
 * Position-Bias Models").
 */
export const LABELS = ["cascade", "all"] as const;
export type Labels = (typeof LABELS)[number];

/** The largest weight: an item with a chance of 1 in 100 counts no less than that. */
export const MOST_WEIGHT = 100;

/** What a list says of one of its items. */
export interface TrainingRecord {
  /** Index of the candidate. */
  item: number;
  slot: number;
  label: 0 | 1;
  /** 1 over the propensity of the slot, and over the share of units whose lines are kept. */
  weight: number;
}

/** The records of a list. `clicked`: its slots with a click. `slots`: how many of the first ones may have been seen. */
export function trainingRecords(
  { shown, p, keep, served }: Exposure,
  clicked: ReadonlySet<number>,
  { labels, slots }: { labels: Labels; slots: number },
): TrainingRecord[] {
  const last = [...clicked].reduce((most, slot) => Math.max(most, slot), -1);
  const seen = labels === "cascade" && last >= 0 ? last + 1 : shown.length;
  // The origin's order was not drawn, whatever was.
  const logged = served === "arm" ? readFloats(p, "p") : new Float32Array(0);
  return shown.slice(0, Math.min(seen, slots)).map((item, slot) => ({
    item,
    slot,
    label: clicked.has(slot) ? 1 : 0,
    weight: Math.min(MOST_WEIGHT, Math.exp(-(logged[slot] ?? 0))) / keep,
  }));
}
