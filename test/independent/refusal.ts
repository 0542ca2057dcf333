/** A file that breaks a rule of FORMAT.md, section 9. */
export class Refusal extends Error {
  readonly file: "blob" | "page" | "item page";
  /** The row of that section's table for blobs or pages; 0 for what a server checks before them. */
  readonly rule: number;

  constructor(file: "blob" | "page" | "item page", rule: number, message: string) {
    super(`${file}, rule ${rule}: ${message}`);
    this.file = file;
    this.rule = rule;
  }
}

/** A record that section 2 refuses. */
export class RecordError extends Error {}

/** Refuses a blob by a rule of section 9 unless the condition holds. */
export function check(condition: boolean, rule: number, message: string): asserts condition {
  if (!condition) throw new Refusal("blob", rule, message);
}

/** An element that is there: an index outside is a fault of this reader. */
export function at<T>(list: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`got index ${index}, expected below ${list.length}`);
  return element;
}
