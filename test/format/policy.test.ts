import { expect, test } from "vitest";
import { MAX_DRAWN_SLOTS, MAX_TEMPERATURE, MIN_TEMPERATURE, parsePolicy } from "../../format/policy.ts";

test.each([
  { policy: "greedy" },
  { policy: "greedy", pinned: [] },
  { policy: "plackett-luce", temperature: MIN_TEMPERATURE },
  { policy: "plackett-luce", temperature: MAX_TEMPERATURE, k: MAX_DRAWN_SLOTS, pinned: [0, MAX_DRAWN_SLOTS - 1] },
  { policy: "epsilon-greedy", epsilon: 0, k: 1 },
  { policy: "epsilon-greedy", epsilon: 1 },
  { policy: "team-draft", rival: "ads" },
  { policy: "team-draft", rival: `ads@${"0f".repeat(32)}`, pinned: [2] },
])("%j is a policy", (policy) => {
  expect(parsePolicy(policy)).toEqual(policy);
});

test.each([
  [7, "policy: got 7, expected Object"],
  [{}, 'policy: policy: missing, expected ("greedy" | "plackett-luce" | "epsilon-greedy" | "team-draft")'],
  [
    { policy: "softmax" },
    'policy: policy: got "softmax", expected ("greedy" | "plackett-luce" | "epsilon-greedy" | "team-draft")',
  ],
  [{ policy: "greedy", k: 3 }, 'policy: k: unknown key, expected one of "policy", "pinned"'],
  [{ policy: "plackett-luce" }, 'policy: temperature: missing, expected "temperature"'],
  [{ policy: "plackett-luce", temprature: 1 }, 'policy: temprature: unknown key, expected "temperature"'],
  [{ policy: "plackett-luce", temperature: 0 }, "policy: temperature: got 0, expected >=0.01"],
  [{ policy: "plackett-luce", temperature: Number.NaN }, "policy: temperature: got NaN, expected number"],
  [{ policy: "plackett-luce", temperature: 101 }, "policy: temperature: got 101, expected <=100"],
  [{ policy: "plackett-luce", temperature: 1, k: 0 }, "policy: k: got 0, expected >=1"],
  [{ policy: "plackett-luce", temperature: 1, k: 1.5 }, "policy: k: got 1.5, expected an integer"],
  [{ policy: "plackett-luce", temperature: 1, k: 1001 }, "policy: k: got 1001, expected <=1000"],
  [{ policy: "epsilon-greedy", epsilon: 1.1 }, "policy: epsilon: got 1.1, expected <=1"],
  [{ policy: "epsilon-greedy", epsilon: -0.1 }, "policy: epsilon: got -0.1, expected >=0"],
  [{ policy: "team-draft" }, 'policy: rival: missing, expected "rival"'],
  [
    { policy: "team-draft", rival: "Ads" },
    `policy: rival: got "Ads", expected a model's name, or name@version with the version's 64 lower-case hex digits`,
  ],
  [{ policy: "greedy", pinned: [1, 1] }, "policy: pinned: got [1,1], expected each slot once"],
  [{ policy: "greedy", pinned: [-1] }, "policy: pinned[0]: got -1, expected >=0"],
  [{ policy: "greedy", pinned: [1000] }, "policy: pinned[0]: got 1000, expected <=999"],
])("%j is refused", (policy, message) => {
  expect(() => parsePolicy(policy)).toThrow(expect.objectContaining({ name: "FormatError", message }));
});
