import { difference, type Effect, fixedVerdict, lift } from "../comparison.ts";
import type { Moments } from "../moments.ts";
import { MIN_SEQUENTIAL_UNITS, sequentialVerdict } from "../sequential.ts";
import type { Compared, Interval, Verdict } from "./result-metrics.ts";

/** How effects are judged. */
export interface Judgement {
  alpha: number;
  /** N*: the planned units of the two arms that are compared; those there are, where nothing is planned. */
  plannedUnits: number;
  /** Whether the plan's units are there, so that the fixed test may be looked at. */
  atEnd: boolean;
}

export function compared(control: Moments, treatment: Moments, judgement: Judgement): Compared {
  const absolute = interval(difference(control, treatment), judgement);
  const relative = interval(lift(control, treatment), judgement);
  // A treatment of which no unit has anything is a lift of −1 over whatever level, without an error: the difference
  // says whether there is an effect.
  const isCertain = relative.effect !== null && relative.error === 0;
  const testOf = (found: Verdict | null): Verdict | null => found && { low: null, high: null, p: found.p };
  const { fixed, sequential } = absolute;
  return {
    difference: absolute,
    lift: isCertain ? { ...relative, fixed: testOf(fixed), sequential: testOf(sequential) } : relative,
  };
}

/** An effect with the tests that may be looked at now. */
export function interval(found: Effect, { alpha, plannedUnits, atEnd }: Judgement): Interval {
  const { effect, error, smallerArm } = found;
  // Of one unit, or of values that are all alike, there is no error to judge by.
  const canJudge = Number.isFinite(effect) && error > 0;
  const isEnough = canJudge && smallerArm >= MIN_SEQUENTIAL_UNITS;
  return {
    effect: finite(effect),
    error: finite(error),
    fixed: canJudge && atEnd ? verdict(fixedVerdict(found, alpha)) : null,
    sequential: isEnough ? verdict(sequentialVerdict(found, alpha, plannedUnits)) : null,
  };
}

/** The fixed test whether or not the end has come. */
export function peeked(found: Effect, alpha: number): Verdict | null {
  return Number.isFinite(found.effect) && found.error > 0 ? verdict(fixedVerdict(found, alpha)) : null;
}

function verdict({ low, high, p }: { low: number; high: number; p: number }): Verdict {
  return { low: finite(low), high: finite(high), p: finite(p) };
}

/** A number as JSON has it: null where there is none. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
