import { expect, test } from "vitest";
import { REPLAYED, replayDigest } from "../../../testing/orders/replay.ts";

test("log lines replay in Node to the orders and propensities that were shown, bit by bit", () => {
  expect(replayDigest()).toBe(REPLAYED);
});
