import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ASSIGNMENT } from "./experiment-vectors/assignment.ts";
import { EFFECTS } from "./experiment-vectors/effects.ts";
import { OFF_POLICY } from "./experiment-vectors/off-policy.ts";
import { ORDERS } from "./experiment-vectors/orders.ts";
import { type Checks, expectNear, type Vector } from "./experiment-vectors/vector.ts";
import { sharedPath } from "./trainer/shared-data.ts";

// Values that are published, or were computed with other programs, for what experiments rest on: each is computed
// again from the file's own input, by our code where we have the method, and independently where we have not. The
// checks are in experiment-vectors/, by topic.

const CHECKS: Checks = { ...ASSIGNMENT, ...EFFECTS, ...OFF_POLICY, ...ORDERS };

/** What recomputes nothing, and why. */
const UNCHECKED: Record<string, string> = {
  // comparison.test.ts has GrowthBook's numbers for other units, those of another test of it among them, and those of
  // the negated metric. No gbstats on PyPI has the test (sdists of 0.7.0 and 0.8.0 have an older file of that name).
  "cuped.ratio": "the file names the test that has the arrays, and has not the arrays",
};

const path = sharedPath("experiment-vectors.json");
const there = existsSync(path);
const vectors: Vector[] = there ? JSON.parse(readFileSync(path, "utf8")).vectors : [];
const run = there ? describe : describe.skip;

run(`the 56 values of experiments${there ? "" : ": skipped, no ../shared/data"}`, () => {
  it.each(vectors.filter(({ id }) => id in CHECKS).map((vector) => [vector.id, vector] as const))("%s", (id, vector) =>
    CHECKS[id](vector, (actual, expected) => expectNear(actual, expected, vector.tolerance ?? 0)),
  );

  it("are all checked, but for those whose data is not there", () => {
    const ids = vectors.map(({ id }) => id);
    expect(ids).toHaveLength(56);
    expect([...Object.keys(CHECKS), ...Object.keys(UNCHECKED)].sort()).toEqual([...ids].sort());
  });
});
