import { FormatError } from "../../format/errors.ts";
import type { FittedSpec } from "../../format/fitted-spec.ts";
import { termCount } from "../../runtime/explanation.ts";
import { MAX_EXPLAINED_RECORDS, MAX_EXPLAINED_TERMS } from "../limits.ts";

/** Bytes of memory of a term: the number, its object in the answer, and its JSON, the names of its fields left out. */
const TERM_BYTES = 256;

/** Bytes of memory of a character of a name: as UTF-16, and then as UTF-8. */
const NAME_BYTES = 5;

/**
 * Bytes of memory of the explanations of so many records. Throws FormatError where they would have more terms than a
 * request may ask for.
 */
export function explanationBytes(records: number, { fields }: FittedSpec): number {
  const terms = termCount(fields.length);
  const most = Math.min(MAX_EXPLAINED_RECORDS, Math.floor(MAX_EXPLAINED_TERMS / terms));
  if (records > most)
    throw new FormatError(
      "records",
      `got ${records} of ${fields.length} fields each, expected at most ${most} to explain in a request`,
    );
  // Each field is a member of one term of its own, and of F − 1 pairs.
  const names = fields.length * fields.reduce((sum, { name }) => sum + JSON.stringify(name).length, 0);
  return records * (terms * TERM_BYTES + names * NAME_BYTES);
}
