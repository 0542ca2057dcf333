import { expect, test } from "vitest";
import { simulateTests } from "../../../testing/experiments/simulated-tests.ts";

// The short form of `npm run bench -- experiments`. Bounds are beyond 1 in 10,000 of what binomial chance allows.

test("A/A tests are wrong as often as they say, at the end, and at most so often however often one looks", () => {
  const rates = simulateTests({ tests: 500, units: 1000, looks: 10, ctr: 0.1, lift: 0, seed: 11 });
  expect(rates.fixedAtEnd).toBeGreaterThan(0.018);
  expect(rates.fixedAtEnd).toBeLessThan(0.092);
  expect(rates.sequentialAtAnyLook).toBeLessThan(0.05);
  expect(rates.fixedAtAnyLook).toBeGreaterThan(0.12);
});

test("intervals hold a lift that is there, as often as they say, and the tests find it", () => {
  const rates = simulateTests({ tests: 500, units: 1000, looks: 10, ctr: 0.1, lift: 0.35, seed: 12 });
  expect(rates.covered).toBeGreaterThan(0.908);
  expect(rates.covered).toBeLessThan(0.982);
  expect(rates.fixedAtEnd).toBeGreaterThan(0.9);
  expect(rates.sequentialAtAnyLook).toBeGreaterThan(0.6);
});
