import { describe, expect, it } from "vitest";
import { gauc } from "../../../trainer/metrics/gauc.ts";
import { ndcg } from "../../../trainer/metrics/ndcg.ts";
import { orderByGroup } from "../../../trainer/metrics/order.ts";
import { GROUP_COUNT, GROUPS, LABELS, reversed, SCORES, WEIGHTS } from "./sample.ts";

const sample = orderByGroup(SCORES, GROUPS, GROUP_COUNT);
const backwards = orderByGroup(reversed(SCORES), reversed(GROUPS), GROUP_COUNT);

describe("gauc", () => {
  it("is the mean of the groups' AUC by impressions, without groups of one class", () => {
    expect(gauc(sample, SCORES, LABELS)).toEqual({ gauc: 0.875, groups: 3 });
    const weighted = gauc(sample, SCORES, LABELS, WEIGHTS);
    expect(weighted.gauc).toBeCloseTo(0.877336860670194, 14);
  });

  it("does not depend on the order of records", () => {
    expect(gauc(backwards, reversed(SCORES), reversed(LABELS))).toEqual({ gauc: 0.875, groups: 3 });
  });

  // Two users of five records: - + - + + and - + + - +, in ascending order of score, the first two users' records
  // apart.
  it("is the same for two orders that differ only between users, where AUC is 5/6 and 2/3", () => {
    const groups = Uint32Array.of(0, 0, 1, 0, 1);
    const scores = Float64Array.of(1, 2, 3, 4, 5);
    const labels = Uint8Array.of(0, 1, 0, 1, 1);
    const other = Float64Array.of(1, 2, 4, 3, 5);
    for (const s of [scores, other]) expect(gauc(orderByGroup(s, groups, 2), s, labels).gauc).toBe(1);
  });

  it("is not a number where every group has one class", () => {
    const order = orderByGroup(Float64Array.of(1, 2), Uint32Array.of(0, 1), 2);
    expect(gauc(order, Float64Array.of(1, 2), Uint8Array.of(0, 1))).toEqual({ gauc: Number.NaN, groups: 0 });
  });
});

describe("ndcg", () => {
  it("takes no more memory for a k that no group has", () => {
    expect(ndcg(sample, SCORES, LABELS, 1e10 - 1)).toBe(ndcg(sample, SCORES, LABELS, LABELS.length));
  });

  it.each([
    [1, 0.875],
    [2, 0.9055096182921145],
    [3, 0.9438313178399557],
    [10, 0.9438313178399557],
  ])("at %i is what scikit-learn computes, ties averaged", (k, expected) => {
    expect(ndcg(sample, SCORES, LABELS, k)).toBeCloseTo(expected, 14);
    expect(ndcg(backwards, reversed(SCORES), reversed(LABELS), k)).toBeCloseTo(expected, 14);
  });

  it("is DCG over ideal DCG by hand: clicks at ranks 1, 2 and 5 of 5", () => {
    const scores = Float64Array.of(0.1, 0.2, 0.3, 4, 0.4);
    const order = orderByGroup(scores, new Uint32Array(5), 1);
    const dcg = 1 + 1 / Math.log2(3) + 1 / Math.log2(6);
    const ideal = 1 + 1 / Math.log2(3) + 1 / 2;
    expect(ndcg(order, scores, Uint8Array.of(1, 0, 0, 1, 1), 5)).toBeCloseTo(dcg / ideal, 14);
    expect(dcg / ideal).toBeCloseTo(0.9469024295259745, 14);
  });

  it("is not a number where nothing was clicked", () => {
    const order = orderByGroup(Float64Array.of(1, 2), Uint32Array.of(0, 0), 1);
    expect(ndcg(order, Float64Array.of(1, 2), Uint8Array.of(0, 0), 3)).toBeNaN();
  });
});

it("groups that do not fit the records are refused", () => {
  expect(() => orderByGroup(Float64Array.of(1, 2), Uint32Array.of(0), 1)).toThrow(
    "got groups of 1 records, expected 2",
  );
});
