import * as v from "valibot";
import { MAX_RECORDS } from "../limits.ts";

/** A list of at most MAX_RECORDS. `name` says of what, for the error. */
export function atMostRecords<Item extends v.GenericSchema>(name: string, item: Item) {
  return v.pipe(
    v.array(item),
    v.check(
      (list) => list.length <= MAX_RECORDS,
      (issue) => `got ${issue.input.length} ${name}, expected at most ${MAX_RECORDS}`,
    ),
  );
}
