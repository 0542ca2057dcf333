import { expect, test } from "vitest";
import { ramp, spread } from "../../../testing/experiments/assignments.ts";

// The short form of `npm run bench -- assignment`, in workerd.

test("ids are uniform over buckets, whatever the seed, and the seeds independent of one another", async () => {
  const { uniform, independent } = await spread(50_000, ["ranker:1", "ranker:2"]);
  for (const z of [...uniform, ...independent]) expect(Math.abs(z)).toBeLessThan(4);
});

test("a ramp from 10 to 20 to 50 % moves nobody", async () => {
  const { moved, inside } = await ramp(20_000, [0.1, 0.2, 0.5]);
  expect(moved).toBe(0);
  for (const [i, share] of [0.1, 0.2, 0.5].entries()) expect((inside[i] ?? 0) / 20_000).toBeCloseTo(share, 1);
});
