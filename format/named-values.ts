import * as v from "valibot";
import { ownValue } from "./own-value.ts";
import { LEFT_OUT } from "./unknown-key.ts";

/** A record of any names: like `v.record`, but it keeps, and checks, each one that the input has as its own. */
export function namedValues<const Name extends v.GenericSchema<string, string>, const Value extends v.GenericSchema>(
  name: Name,
  value: Value,
): v.RecordSchema<Name, Value, undefined> {
  const record = v.record(name, value);
  return {
    ...record,
    "~run"(dataset, config) {
      const input = dataset.value;
      // `v.record` takes a list for an object.
      if (Array.isArray(input)) {
        const [issue, ...more] = record["~run"]({ value: null }, config).issues ?? [];
        if (issue) return { typed: false, value: input, issues: [{ ...issue, input, received: "Array" }, ...more] };
      }
      const result = record["~run"](dataset, config);
      if (!result.typed || typeof input !== "object" || input === null) return result;
      for (const key of LEFT_OUT) {
        if (!Object.hasOwn(input, key)) continue;
        const own: unknown = ownValue(input, key);
        const checked = value["~run"]({ value: own }, config);
        if (checked.issues)
          return refused(checked.issues, { type: "object", origin: "value", input: { ...input }, key, value: own });
        // An assignment to __proto__ would set the object's prototype.
        const property = { value: checked.value, enumerable: true, writable: true, configurable: true };
        Object.defineProperty(result.value, key, property);
      }
      return result;
    },
  };
}

/** The outcome for a record with a value that was refused. */
function refused<Issue extends v.BaseIssue<unknown>>(
  issues: readonly Issue[],
  item: v.ObjectPathItem,
): v.FailureDataset<Issue> {
  const [head, ...rest] = issues.map((issue): Issue => ({ ...issue, path: [item, ...(issue.path ?? [])] }));
  if (!head) throw new Error("a refusal without an issue");
  return { typed: false, value: item.input, issues: [head, ...rest] };
}
