// The fields in the order in which they are summed: those of the context, then those of the item. A request's context is
// the same for all its candidates, so what the first ones add up to need be computed only once, with the same bits. The
// order is kept as runs of fields that follow each other, one a side where the spec does not mix them.
import { SIDE_CONTEXT, SIDE_ITEM } from "../../format/constants";
import { fieldRuns } from "./buffers";
import { fields, sideOf } from "./model";

/** Runs of the context's fields are [0, contextRuns), those of the item's [contextRuns, runCount). */
export let contextRuns: u32 = 0;
export let runCount: u32 = 0;

/** Orders the fields of the model that was loaded. */
export function orderFields(): void {
  runCount = 0;
  for (let side: u32 = SIDE_CONTEXT; side <= <u32>SIDE_ITEM; side++) {
    for (let f: u32 = 0; f < fields; f++) {
      if (sideOf(f) !== side) continue;
      const run = fieldRuns + 8 * runCount++;
      store<u32>(run, f);
      while (f < fields && sideOf(f) === side) f++;
      store<u32>(run, f, 4);
    }
    if (side === SIDE_CONTEXT) contextRuns = runCount;
  }
}

/** The first field of a run. */
export function firstField(run: u32): u32 {
  assert(run < runCount);
  return load<u32>(fieldRuns + 8 * run);
}

/** The field after a run's last. */
export function endField(run: u32): u32 {
  assert(run < runCount);
  return load<u32>(fieldRuns + 8 * run, 4);
}
