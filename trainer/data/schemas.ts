import { FormatError, show } from "../../format/errors.ts";

// Files of one log whose columns stand in another order, or that lack some.

/**
 * The names of the columns that all files have, in the order of the first file, and for those that only some have the
 * error of whoever asks for one: a file that lacks a column is mostly another log's.
 */
export function byName(
  files: readonly string[],
  namesOf: (file: string) => readonly string[],
): { names: string[]; partial: Map<string, FormatError> } {
  const [first = ""] = files;
  const owner = new Map<string, string>(); // the first file that has each name
  const partial = new Map<string, FormatError>();
  for (const file of files) for (const name of namesOf(file)) if (!owner.has(name)) owner.set(name, file);
  for (const file of files) {
    const own = new Set(namesOf(file));
    for (const [name, other] of owner)
      if (!own.has(name) && !partial.has(name))
        partial.set(
          name,
          new FormatError(file, `no column ${show(name)}, which ${other} has; got ${[...own].map(show).join(", ")}`),
        );
  }
  const alike = files.every((file) => JSON.stringify(namesOf(file)) === JSON.stringify(namesOf(first)));
  // A column without a name is known by its place only, which says nothing where files differ.
  const names = alike ? [...namesOf(first)] : namesOf(first).filter((name) => name !== "" && !partial.has(name));
  return { names, partial };
}

/** Files in their order, cut wherever the next one is of another kind. */
export function runsOf(files: readonly string[], kindOf: (file: string) => string): string[][] {
  const runs: string[][] = [];
  let last: string | undefined;
  for (const file of files) {
    const kind = kindOf(file);
    if (kind === last) runs.at(-1)?.push(file);
    else runs.push([file]);
    last = kind;
  }
  return runs;
}

/** SQL of relations with the same columns, one after the other. */
export function unionOf(relations: readonly string[]): string {
  if (relations.length === 1) return relations[0];
  return `(${relations.map((relation) => `SELECT * FROM ${relation}`).join(" UNION ALL ")})`;
}
