import type { Exposure } from "../../format/exposure.ts";
import { writeFloats } from "../../format/floats.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { errorText, logError } from "../http/log.ts";
import type { RouteOptions } from "../route-options.ts";
import type { Arranged, ScoreList } from "./arrange.ts";
import { modelAt } from "./exposure-line.ts";
import { isSampled } from "./unit-hash.ts";
import type { Assigned, Visit } from "./visit.ts";

// What is counted and logged of a list that experiments have ordered, whichever way it goes out.

/** Counts a list by its arm. `why`: why it goes out in the order in which it came; null: it goes out in its arm's. */
export function countAssigned(
  assigned: Assigned,
  why: string | null,
  { isPreview }: Visit,
  { assignments }: RouteOptions,
): void {
  if (!isPreview) assignments.add(assigned, why ?? "");
}

/** Counts what a list was scored with, by each model, and says in the log why it could not be ordered. */
export function countArranged(arranged: Arranged, options: RouteOptions): void {
  const { assigned, scored, rival, failure } = arranged;
  for (const by of [scored, rival]) {
    if (!by) continue;
    const { result, model } = by;
    options.counters.add(result, model.scorer.manifest.spec);
    if (result.missing) options.degraded.add({ model: result.model, ...result.missing });
  }
  if (!failure && scored?.model.bundled) options.models.fallbacks.bundled++;
  if (!failure) return;
  const details = { list: assigned.list, arm: assigned.arm.arm, why: failure.why };
  if (failure.why === "error") logError("arrange_failed", failure.error, details);
  else options.arrangeFailures.add({ ...details, error: errorText(failure.error) });
}

/**
 * Writes the line of a list. Where the unit is one of those whose lists a shadow scores too, the line waits for that:
 * then what is returned is to be called once the list is out, and never rejects. `score`: null where nothing can.
 */
export function logList(
  line: Exposure,
  { assigned: { arm, unit } }: Arranged,
  score: ScoreList | null,
  { env, keepAlive }: { env: object; keepAlive: KeepAlive },
  { exposures, counters }: RouteOptions,
): (() => Promise<void>) | null {
  const { shadow } = arm;
  if (!score || !shadow || !unit || !isSampled(unit.hash, shadow.share, "shadow")) {
    exposures.write(line, env, keepAlive);
    return null;
  }
  return async function logWithShadow() {
    try {
      const { result, model } = await score(shadow.model);
      counters.addReads(result, model.scorer.manifest.spec);
      line.shadow = { model: modelAt(result), logits: writeFloats(result.logits) };
    } catch {
      // A shadow is nothing that anybody waits for: the line goes out without it.
    }
    exposures.write(line, env, keepAlive);
  };
}
