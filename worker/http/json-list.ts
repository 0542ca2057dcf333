import type { ElementReader } from "../../runtime/encoding-limits.ts";
import { BodyList } from "./body-list.ts";
import { BodyError } from "./errors.ts";
import { parseJsonBytes, skipSpace } from "./json-bytes.ts";

/**
 * A list in a body's JSON, whose elements are parsed a few at a time whenever it is iterated: the text and the objects
 * of one part are garbage before the next is parsed. So a list of any length takes the memory of its bytes and of one
 * part.
 */
export class JsonList extends BodyList {
  override readonly length: number;
  #bytes: Uint8Array;
  readonly #cuts: readonly number[];

  /**
   * `cuts`: where the list's brackets are, and between them the commas at which the list is cut into parts. `length`:
   * one more than its commas; 0 where there is nothing between the brackets.
   */
  constructor(bytes: Uint8Array, cuts: readonly number[], length: number) {
    super();
    this.#bytes = bytes;
    this.#cuts = cuts;
    this.length = length;
  }

  override get bytes(): number {
    return (this.#cuts.at(-1) ?? 0) - (this.#cuts[0] ?? 0);
  }

  override check(see: (element: unknown, i: number) => void): void {
    if (this.#bytes.length === 0) return;
    let i = 0;
    for (const element of this) see(element, i++);
  }

  /** Throws BodyError where an element is not JSON. */
  override *[Symbol.iterator](): Generator<unknown> {
    let count = 0;
    for (let part = 1; part < this.#cuts.length; part++) {
      const elements = this.#parse(part);
      yield* elements;
      count += elements.length;
    }
    this.#refuseLess(count);
  }

  /**
   * Hands over the elements without parsing them, as long as `reader` takes them. Of a part in which it does not, the
   * rest is parsed, so that what is wrong with its JSON is found as by iterating. Throws BodyError as that does.
   */
  readEach(reader: ElementReader): void {
    let count = 0;
    for (let part = 1; part < this.#cuts.length; part++) count += this.#readPart(reader, part);
    this.#refuseLess(count);
  }

  takeJson(take: (bytes: Uint8Array, at: number, end: number) => number): boolean {
    const bytes = this.#bytes;
    for (let part = 1; part < this.#cuts.length; part++) {
      const end = this.#cuts[part] as number;
      const at = skipSpace(bytes, (this.#cuts[part - 1] as number) + 1);
      const next = at < end ? take(bytes, at, end) : -1;
      if (next < 0 || skipSpace(bytes, next) !== end) return false;
    }
    return true;
  }

  /** Returns the number of the part's elements. */
  #readPart(reader: ElementReader, part: number): number {
    const bytes = this.#bytes;
    const end = this.#cuts[part] as number;
    const before = reader.taken;
    const at = skipSpace(bytes, (this.#cuts[part - 1] as number) + 1);
    const next = at < end ? reader.fromJson(bytes, at, end) : -1;
    if (next >= 0 && skipSpace(bytes, next) === end) return reader.taken - before;
    const elements = this.#parse(part);
    for (const element of elements.slice(reader.taken - before)) reader.fromValue(element);
    return elements.length;
  }

  #parse(part: number): unknown[] {
    const bytes = this.#bytes.subarray((this.#cuts[part - 1] as number) + 1, this.#cuts[part]);
    return parseJsonBytes(bytes, "[", "]") as unknown[];
  }

  /** Only a comma with nothing beside it at which the list was cut is no error of the parts' own JSON. */
  #refuseLess(count: number): void {
    if (count < this.length) throw new BodyError("not-json", "the body is not JSON: got a comma at the end of a list");
  }

  override forget(): void {
    this.#bytes = new Uint8Array(0);
  }
}
