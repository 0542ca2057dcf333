import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { compare } from "../../bench/off-policy/compare.ts";
import { PROJECT } from "../../trainer/io/project.ts";

// Six rounds of which Open Bandit Pipeline 0.5.5 has made these: test/lab/analysis/off-policy.test.ts has its inputs.
const ROUNDS = {
  reward: [1, 0, 1, 0, 0, 1],
  pscore: [0.5, 0.3, 0.2, 0.25, 0.6, 0.1],
  evaluated: [0.2, 0.8, 0.4, 0.2, 0.25, 0.8],
  shown: [0.6, 0.2, 0.7, 0.1, 0.4, 0.9],
  policy: [0.33, 0.21, 0.58, 0.2, 0.275, 0.74],
};
const peer = (name: string, value: number) => ({ name, value, low: 0, high: 1 });
const off = (name: string, value: number, lambda: number): number =>
  compare(ROUNDS, [peer(name, value)], lambda, 0)[0].off;

it.each([
  ["ipw", 1.7333333333333334, 4],
  ["ipw, clipped", 1.0666666666666667, 4],
  ["snipw", 0.7281213535589265, 4],
  ["dm", 0.3891666666666667, 4],
  ["dr", 0.5191666666666667, 4],
  ["dr, clipped", 0.45250000000000007, 4],
  ["sndr", 0.44377576818358616, 4],
  ["switch-dr", 0.4747222222222223, 2],
  ["dr-os", 0.3996895714218282, 3],
])("has an estimate of our own beside a peer's: %s", (name, value, lambda) => {
  expect(off(name, value, lambda)).toBeLessThan(1e-12);
  expect(off(name, value * (1 + 1e-8), lambda)).toBeCloseTo(1e-8, 10);
});

it("refuses a Python that has not got the peer", () => {
  const args = ["bench/off-policy.ts", "--peers", process.execPath];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toBe(
    `error: --peers: got ${process.execPath}, expected a Python that has Open Bandit Pipeline: see bench/peers/README.md\n`,
  );
});
