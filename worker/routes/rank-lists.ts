import { FormatError, show } from "../../format/errors.ts";
import { candidateIdFault } from "../../format/exposure.ts";
import { isRounded, type RawValue } from "../../format/raw-value.ts";
import type { BodyList } from "../http/body-list.ts";
import { MAX_ERRORS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { CandidateId } from "../scoring/ranking.ts";

// The lists of a ranking that stay until it is answered. What is wrong with them is added to `errors`, up to MAX_ERRORS
// in all.

/** Bytes of memory of an id beside its text: the string's or number's own, and its entry in a list and in a Set. */
const ID_BYTES = 128;

/** Bytes of memory of a character: of UTF-16. */
const CHARACTER_BYTES = 2;

/** The ids of a list, which are texts that are not empty, and numbers. */
export function readIds(list: BodyList, name: "ids" | "items", lease: Lease, errors: FormatError[]): CandidateId[] {
  lease.resize(lease.bytes + CHARACTER_BYTES * list.bytes + ID_BYTES * list.length);
  const ids: CandidateId[] = [];
  let i = 0;
  for (const id of list) {
    if (errors.length >= MAX_ERRORS) break;
    if ((typeof id === "string" && id !== "") || (typeof id === "number" && Number.isFinite(id) && !isRounded(id)))
      ids.push(id);
    else errors.push(new FormatError(`${name}[${i}]`, problemOf(id)));
    i++;
  }
  return ids;
}

function problemOf(id: unknown): string {
  if (id === null || id === "") return "got no id";
  if (isRounded(id as RawValue)) return `got ${show(id)}, expected integers beyond 2^53 as text`;
  return `got ${show(id)}, expected a string or a finite number`;
}

/** Adds an error for each id that another candidate before it has: nobody could tell the two apart in the answer. */
export function refuseDuplicates(ids: readonly CandidateId[], name: "ids" | "items", errors: FormatError[]): void {
  // Text and number mean the same, as they do in a record.
  if (new Set(ids.map(String)).size === ids.length) return;
  const first = new Map<string, number>();
  for (const [i, id] of ids.entries()) {
    if (errors.length >= MAX_ERRORS) break;
    const before = first.get(String(id));
    if (before === undefined) first.set(String(id), i);
    else
      errors.push(
        new FormatError(`${name}[${i}]`, `got ${show(id)}, which is ${name}[${before}] too, expected another`),
      );
  }
}

/** Adds an error for each id that no line of the exposure log can have as it is. */
export function refuseUnlogged(ids: readonly CandidateId[], name: "ids" | "items", errors: FormatError[]): void {
  for (const [i, id] of ids.entries()) {
    if (errors.length >= MAX_ERRORS) break;
    const expected = candidateIdFault(String(id));
    if (expected !== null)
      errors.push(new FormatError(`${name}[${i}]`, `got ${show(id)}, expected ${expected} with an experiment`));
  }
}

/** The bids of a list, which are finite numbers above 0. */
export function readBids(list: BodyList, lease: Lease, errors: FormatError[]): Float64Array {
  // The bids, and each multiplied by its score.
  lease.resize(lease.bytes + 2 * Float64Array.BYTES_PER_ELEMENT * list.length);
  const bids = new Float64Array(list.length);
  let i = 0;
  for (const bid of list) {
    if (errors.length >= MAX_ERRORS) break;
    if (typeof bid === "number" && Number.isFinite(bid) && bid > 0) bids[i] = bid;
    else errors.push(new FormatError(`bids[${i}]`, `got ${show(bid)}, expected a finite number above 0`));
    i++;
  }
  return bids;
}
