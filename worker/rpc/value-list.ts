import { BodyList } from "../http/body-list.ts";
import { measure } from "./measure.ts";

/** A list that came as values. */
export class ValueList extends BodyList {
  #values: readonly unknown[];

  constructor(values: readonly unknown[]) {
    super();
    this.#values = values;
  }

  /** Characters of its texts, and as many as numbers may have. */
  override get bytes(): number {
    return measure(this.#values, "body").text;
  }

  override get length(): number {
    return this.#values.length;
  }

  override [Symbol.iterator](): Iterator<unknown> {
    return this.#values[Symbol.iterator]();
  }

  override check(see: (element: unknown, i: number) => void): void {
    this.#values.forEach(see);
  }

  override forget(): void {
    this.#values = [];
  }
}
