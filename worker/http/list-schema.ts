import * as v from "valibot";
import { MAX_RECORDS } from "../limits.ts";
import { BodyList } from "./body-list.ts";

/**
 * A list of at most MAX_RECORDS, parsed while it is iterated. `name` says of what, for the error. `element`: what a
 * client sends as one, for documents and types; whoever iterates the list judges its elements.
 */
export function atMostRecords<Element>(name: string, element: v.GenericSchema<Element>) {
  // What a client sends is a list, and what the body's reader hands over a BodyList.
  const isList = (value: unknown): boolean => value instanceof BodyList;
  const list = v.custom(isList, "expected a list") as unknown as v.GenericSchema<readonly Element[], BodyList>;
  return v.pipe(
    { ...list, element },
    v.check(
      (list) => list.length <= MAX_RECORDS,
      (issue) => `got ${issue.input.length} ${name}, expected at most ${MAX_RECORDS}`,
    ),
  );
}
