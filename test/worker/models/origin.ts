import type { ModelOrigin, WarmRows } from "../../../worker/models/resident-models.ts";
import type { Source } from "../../../worker/source/source.ts";

/** Where models come from that need not be signed, without a bundled one. */
export function originOf(source: Source): ModelOrigin {
  return { source, keys: "", leastSerials: new Map(), bundled: null };
}

/** For a store whose versions list no hot pages. */
export const warmNone: WarmRows = async () => ({ there: 0, missing: 0 });
