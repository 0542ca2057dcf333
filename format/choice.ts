import * as v from "valibot";

/**
 * The one of some names that a text means: letter case, spaces, hyphens and underscores do not matter. Undefined where
 * it means none.
 */
export function chosenName<Name extends string>(names: readonly Name[], text: string): Name | undefined {
  const plain = (name: string): string => name.replaceAll(/[\s_-]/g, "").toLowerCase();
  return names.find((name) => plain(name) === plain(text));
}

/** One of some names: like `v.picklist`, but the input may write it as `chosenName` takes it. */
export function choiceOf<const Names extends readonly string[]>(names: Names): v.PicklistSchema<Names, undefined> {
  const picklist = v.picklist(names);
  return {
    ...picklist,
    "~run"(dataset, config) {
      const { value } = dataset;
      const name = typeof value === "string" ? chosenName(names, value) : undefined;
      return picklist["~run"](name === undefined ? dataset : { ...dataset, value: name }, config);
    },
  };
}
