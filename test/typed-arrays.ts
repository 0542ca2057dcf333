import { expect } from "vitest";

// Runs before each file of the tests in Node. `toEqual` looks at every key of a typed array, as of any object, which
// took a third of the time of test/assembly/score/forward.test.ts. Arrays of one type with the same bytes are equal;
// all others are compared as ever, which says where they differ.

const ADDED = Symbol.for("deepfm-edge: typed arrays are compared by their bytes");

function haveSameBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return undefined;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return undefined;
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0 ? true : undefined;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

// Files share a process, and so what `expect` knows.
if (!(ADDED in globalThis)) {
  Object.assign(globalThis, { [ADDED]: true });
  expect.addEqualityTesters([haveSameBytes]);
}
