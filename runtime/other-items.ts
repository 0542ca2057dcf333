import type { Listed } from "./encoding-limits.ts";
import { ITEM_IN_PAGE, ITEM_UNKNOWN } from "./items/entry-catalogue.ts";

/**
 * The items whose records are not at hand, as records with nothing but their ids: first those that the catalogue does
 * not have, then those that an item page may have.
 */
export class OtherItems implements Listed<Record<string, unknown>> {
  readonly length: number;
  /** How many of them the catalogue does not have. */
  readonly unknown: number;
  readonly #field: string;
  readonly #ids: Iterable<unknown>;
  readonly #states: Uint8Array;

  /** `states`: of each id one of ITEM_…. The ids may be gone through more than once. */
  constructor(field: string, ids: Iterable<unknown>, states: Uint8Array) {
    this.#field = field;
    this.#ids = ids;
    this.#states = states;
    this.unknown = count(states, ITEM_UNKNOWN);
    this.length = this.unknown + count(states, ITEM_IN_PAGE);
  }

  *[Symbol.iterator](): Generator<Record<string, unknown>> {
    yield* this.#of(ITEM_UNKNOWN, this.unknown);
    yield* this.#of(ITEM_IN_PAGE, this.length - this.unknown);
  }

  *#of(state: number, count: number): Generator<Record<string, unknown>> {
    if (count === 0) return;
    let i = 0;
    for (const id of this.#ids) if (this.#states[i++] === state) yield { [this.#field]: id };
  }
}

function count(states: Uint8Array, state: number): number {
  let found = 0;
  for (const of of states) if (of === state) found++;
  return found;
}
