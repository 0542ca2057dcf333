// The order in which fields are summed: those of the context, then those of the item. All candidates of a request
// have the same context, so the sum over its fields is computed once, and scoring whole records in the same order
// gives the same bits. Neighboring fields of one side are a run; there is one run a side if the spec does not mix
// them.
import { SIDE_CONTEXT, SIDE_ITEM } from "../../format/constants";
import { fieldRuns } from "./buffers";
import { fields, sideOf } from "./model";

/** Runs [0, contextRunCount) are of the context's fields, runs [contextRunCount, fieldRunCount) of the item's. */
export let contextRunCount: u32 = 0;
export let fieldRunCount: u32 = 0;

/** Finds the runs of the model that was loaded. */
export function orderFields(): void {
  fieldRunCount = 0;
  for (let side: u32 = SIDE_CONTEXT; side <= <u32>SIDE_ITEM; side++) {
    for (let f: u32 = 0; f < fields; f++) {
      if (sideOf(f) !== side) continue;
      const run = fieldRuns + 8 * fieldRunCount++;
      store<u32>(run, f);
      while (f < fields && sideOf(f) === side) f++;
      store<u32>(run, f, 4);
    }
    if (side === SIDE_CONTEXT) contextRunCount = fieldRunCount;
  }
}

/** The first field of a run. */
export function firstField(run: u32): u32 {
  assert(run < fieldRunCount);
  return load<u32>(fieldRuns + 8 * run);
}

/** The field after the last of a run. */
export function endField(run: u32): u32 {
  assert(run < fieldRunCount);
  return load<u32>(fieldRuns + 8 * run, 4);
}
