import { expect, test } from "vitest";
import { REPLAYED, replayDigest } from "../../../testing/orders/replay.ts";

test("log lines replay in workerd to the orders and propensities that Node computes, bit by bit", () => {
  expect(replayDigest()).toBe(REPLAYED);
});
