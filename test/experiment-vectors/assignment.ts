import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { checkPayload } from "../../format/experiment.ts";
import { BUCKETS } from "../../format/exposure.ts";
import { sampleRatioTest } from "../../lab/analysis/sample-ratio.ts";
import { Evaluator } from "../../worker/experiments/evaluator.ts";
import {
  launchDarklyBucket,
  murmur32,
  optimizelyBucket,
  planOutChoice,
  unleashPercent,
} from "../independent/experiments/hashes.ts";
import { sharedPath } from "../trainer/shared-data.ts";
import { type Any, type Checks, sum } from "./vector.ts";

// Hashes, and who is in which arm.

/** Functions that GrowthBook's library does not export, from the file that has them. */
const growthbook = await import(
  new URL("../../node_modules/@growthbook/growthbook/dist/esm/util.mjs", import.meta.url).href
);

export const ASSIGNMENT: Checks = {
  async "growthbook.hash.v2"({ input, expected }) {
    expect(input.map(({ seed, value }: Any) => growthbook.hash(seed, value, 2))).toEqual(expected);
    const buckets = input.map(({ seed, value }: Any) => bucketOf(seed, value));
    expect(await Promise.all(buckets)).toEqual(expected.map((n: number) => Math.round(n * BUCKETS)));
  },
  "growthbook.hash.v1": ({ input, expected }) =>
    expect(input.map(({ seed, value }: Any) => growthbook.hash(seed, value, 1))).toEqual(expected),
  "growthbook.hash.unknown-version": ({ input: { seed, value, version }, expected }) =>
    expect(growthbook.hash(seed, value, version)).toBe(expected),
  "growthbook.bucket-ranges": ({ input, expected }, near) =>
    near(
      input.map(({ args: [count, coverage, weights] }: Any) =>
        growthbook.getBucketRanges(count, coverage, weights ?? undefined),
      ),
      expected,
    ),
  "growthbook.choose-variation": ({ input, expected }) =>
    expect(input.map(({ n, ranges }: Any) => growthbook.chooseVariation(n, ranges))).toEqual(expected),
  "growthbook.namespace": ({ input, expected }) =>
    expect(input.map(({ unit, namespace }: Any) => growthbook.inNamespace(unit, namespace))).toEqual(expected),
  // growthbook.test.ts runs the cases, all of these groups.
  "growthbook.suite"({ expected }) {
    const cases = JSON.parse(readFileSync(sharedPath("growthbook/cases.json"), "utf8"));
    for (const [group, count] of Object.entries(expected)) expect(cases[group], group).toHaveLength(count as number);
  },
  fnv1a32: ({ input, expected }) =>
    expect(input.map((text: string) => documentedFnv()(text).toString(16))).toEqual(expected),

  murmur3_x86_32: ({ input, expected }) =>
    expect(input.map(([text, seed]: Any) => murmur32(text, seed).toString(16).padStart(8, "0"))).toEqual(expected),
  "optimizely.bucket": ({ input, expected }) => expect(input.map(optimizelyBucket)).toEqual(expected),
  "unleash.strategy": ({ input, expected }) =>
    expect(input.map(([id, group]: Any) => unleashPercent(id, group, 0))).toEqual(expected),
  "unleash.variant": ({ input, expected }) =>
    expect(input.map(([id, group]: Any) => unleashPercent(id, group, 86028157))).toEqual(expected),
  "launchdarkly.bucket": ({ input, expected }, near) =>
    near(
      input.map(([key, salt, id]: Any) => launchDarklyBucket(key, salt, id)),
      expected,
    ),
  "planout.uniform-choice": ({ input, expected }) =>
    expect(input.map(([key, choices]: Any) => planOutChoice(key, choices))).toEqual(expected),

  // The first seed has the largest z, over decimal ids. The file's independence is the largest of several kinds of ids,
  // random ones too, which a pair of seeds is not beyond. `npm run bench -- assignment` measures four seeds.
  "measured.fnv-v2-uniformity"({ input: { seeds, buckets }, expected }) {
    const [one, other] = seeds.slice(0, 2).map((seed: string) => decimalIds(seed, 2, buckets));
    expect(uniformZ(one, buckets)).toBeCloseTo(expected.largestAbsZ, 2);
    expect(Math.abs(uniformZ(other, buckets))).toBeLessThan(expected.largestAbsZ);
    expect(Math.abs(independenceZ(one, other, buckets))).toBeLessThan(expected.independence20x20LargestAbsZ);
  },
  "measured.fnv-v1-dependence"({ input: { seeds }, expected }) {
    const [one, other] = seeds.map((seed: string) => decimalIds(seed, 1, 1000));
    expect(Math.round(independenceZ(one, other, 1000))).toBe(expected.z);
    expect(uniformZ(one, 1000)).toBeCloseTo(expected.uniformityZ, 2);
  },
};

/** The bucket that the Worker gives a unit. */
async function bucketOf(seed: string, uid: string): Promise<number | undefined> {
  const variations = ["a", "b"].map((arm) => ({ arm, model: null }));
  const rules = [{ key: "experiment", hashAttribute: "uid", hashVersion: 2, seed, variations }];
  const evaluator = new Evaluator(await checkPayload({ features: { list: { defaultValue: null, rules } } }, "payload"));
  return evaluator.assign("list", { uid }, null)?.unit?.bucket;
}

/** The hash as docs/experiments.md has it for clients. */
function documentedFnv(): (text: string) => number {
  const text = readFileSync(new URL("../../docs/experiments.md", import.meta.url), "utf8");
  const [, code = ""] = /```js\n(function fnv1a[\s\S]*?)```/.exec(text) ?? [];
  return new Function(`${code}; return fnv1a;`)();
}

/** Buckets of a million ids: "0", "1" and so on. */
function decimalIds(seed: string, version: number, buckets: number): Uint16Array {
  return Uint16Array.from({ length: 1e6 }, (_, i) => Math.round(growthbook.hash(seed, String(i), version) * buckets));
}

/** (χ² − its degrees)/√(2 × its degrees), nearly a standard normal number. */
function standardized(chiSquare: number, degrees: number): number {
  return (chiSquare - degrees) / Math.sqrt(2 * degrees);
}

function uniformZ(units: Uint16Array, buckets: number): number {
  const counts = new Array<number>(buckets).fill(0);
  for (const bucket of units) counts[bucket]++;
  const { chiSquare, degrees } = sampleRatioTest(counts, new Array(buckets).fill(1));
  return standardized(chiSquare, degrees);
}

/** Of the independence of two experiments, over 20 × 20 cells. */
function independenceZ(one: Uint16Array, other: Uint16Array, buckets: number): number {
  const cells = new Array<number>(400).fill(0);
  const cellOf = (bucket: number): number => Math.floor((20 * bucket) / buckets);
  for (let i = 0; i < one.length; i++) cells[20 * cellOf(one[i]) + cellOf(other[i])]++;
  const rows = Array.from({ length: 20 }, (_, r) => sum(cells.slice(20 * r, 20 * r + 20)));
  const columns = Array.from({ length: 20 }, (_, c) => sum(cells.filter((_, i) => i % 20 === c)));
  const independent = cells.map((_, i) => rows[Math.floor(i / 20)] * columns[i % 20]);
  return standardized(sampleRatioTest(cells, independent).chiSquare, 19 * 19);
}
