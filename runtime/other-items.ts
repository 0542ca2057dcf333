import type { Listed } from "./encoding-limits.ts";
import { NO_ITEM } from "./kernel.ts";

/** The items that a catalogue does not have, as records with nothing but their ids. */
export class OtherItems implements Listed<Record<string, unknown>> {
  readonly length: number;
  readonly #field: string;
  readonly #ids: Iterable<unknown>;
  readonly #numbers: Uint32Array;

  constructor(field: string, ids: Iterable<unknown>, numbers: Uint32Array) {
    this.#field = field;
    this.#ids = ids;
    this.#numbers = numbers;
    this.length = numbers.reduce((count, number) => count + (number === NO_ITEM ? 1 : 0), 0);
  }

  *[Symbol.iterator](): Generator<Record<string, unknown>> {
    if (this.length === 0) return;
    let i = 0;
    for (const id of this.#ids) if (this.#numbers[i++] === NO_ITEM) yield { [this.#field]: id };
  }
}
