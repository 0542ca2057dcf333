import { expect, test } from "vitest";
import { giveBack } from "../../../runtime/rows/give-back.ts";

test("large arrays are empty at once, and small ones stay", () => {
  const large = new Uint32Array(2 ** 16);
  const small = new Float32Array(16);
  giveBack(large, small);
  expect([large.length, large.buffer.byteLength, small.length]).toEqual([0, 0, 16]);
});
