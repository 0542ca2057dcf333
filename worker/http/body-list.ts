/** A list in a request's body, whose elements are made whenever it is iterated, and are not kept. */
export abstract class BodyList implements Iterable<unknown> {
  abstract readonly length: number;
  /** Bytes that its elements take in the body. */
  abstract readonly bytes: number;
  abstract [Symbol.iterator](): Iterator<unknown>;
  /** Hands each element to `see`, of a list that was let go of none. Throws BodyError where an element is no value. */
  abstract check(see: (element: unknown, i: number) => void): void;
  /** Lets go of the body. The list cannot be iterated any more. */
  abstract forget(): void;
}
