import { BodyList } from "../http/body-list.ts";

/** A list that came as values. */
export class ValueList extends BodyList {
  #values: readonly unknown[];
  override readonly bytes: number;

  /** `bytes`: characters of its texts, and as many as numbers may have. */
  constructor(values: readonly unknown[], bytes: number) {
    super();
    this.#values = values;
    this.bytes = bytes;
  }

  override get length(): number {
    return this.#values.length;
  }

  override [Symbol.iterator](): Iterator<unknown> {
    return this.#values[Symbol.iterator]();
  }

  override forget(): void {
    this.#values = [];
  }
}
