import { BodyError } from "./errors.ts";
import { parseBodyJson } from "./parse-body-json.ts";

/**
 * A list in a body's JSON, whose elements are parsed a few at a time whenever it is iterated: the objects of one part
 * are garbage before the next is parsed. So a list of any length takes the memory of its text and of one part.
 */
export class JsonList implements Iterable<unknown> {
  readonly length: number;
  #text: string;
  readonly #cuts: readonly number[];

  /**
   * `cuts`: where the list's brackets are, and between them the commas at which the list is cut into parts. `length`:
   * one more than its commas; 0 where there is nothing between the brackets.
   */
  constructor(text: string, cuts: readonly number[], length: number) {
    this.#text = text;
    this.#cuts = cuts;
    this.length = length;
  }

  /** Throws BodyError where an element is not JSON. */
  *[Symbol.iterator](): Generator<unknown> {
    let count = 0;
    for (let part = 1; part < this.#cuts.length; part++) {
      const text = this.#text.slice((this.#cuts[part - 1] as number) + 1, this.#cuts[part]);
      const elements = parseBodyJson(`[${text}]`) as unknown[];
      yield* elements;
      count += elements.length;
    }
    // Only a comma with nothing beside it at which the list was cut is no error of the parts' own JSON.
    if (count < this.length) throw new BodyError("not-json", "the body is not JSON: got a comma at the end of a list");
  }

  /** Lets go of the body's text. The list cannot be iterated any more. */
  forget(): void {
    this.#text = "";
  }
}
