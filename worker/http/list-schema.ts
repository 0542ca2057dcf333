import * as v from "valibot";
import { MAX_RECORDS } from "../limits.ts";
import { JsonList } from "./json-list.ts";

/** A list of at most MAX_RECORDS, parsed while it is iterated. `name` says of what, for the error. */
export function atMostRecords(name: string) {
  return v.pipe(
    v.instance(JsonList, "expected a list"),
    v.check(
      (list) => list.length <= MAX_RECORDS,
      (issue) => `got ${issue.input.length} ${name}, expected at most ${MAX_RECORDS}`,
    ),
  );
}
