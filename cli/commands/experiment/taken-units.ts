import type { ExperimentEntry } from "../../../deploy/experiments.ts";
import { warn } from "../../../trainer/terminal/warning.ts";

/** Warns where one experiment of a list has the units of another, as a unit is in the first one that takes it. */
export function warnOfTakenUnits({ name, list, after, left, before }: ExperimentEntry): void {
  if (left === 0) warn(`${name}: it comes after ${after.join(" and ")} on the list ${list}, and no unit is left to it`);
  for (const other of before)
    warn(`${other}: it comes after ${name} on the list ${list}: units that were in it are in ${name} now`);
}
