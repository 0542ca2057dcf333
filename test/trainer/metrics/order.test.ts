import { describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { endOfTie, orderByGroup, orderByScore } from "../../../trainer/metrics/order.ts";

describe.each([
  ["float32", Float32Array],
  ["float64", Float64Array],
])("order of %s", (_, Column) => {
  it("ascends, as sorting by comparison does, and keeps the order of equal scores", () => {
    const random = new Random(9);
    const special = [0, -0, 1e-40, -1e-40, 1e-310, Infinity, -Infinity, 3.4e38, -3.4e38, 1, -1, 1 + 2 ** -20];
    for (const size of [0, 1, 2, 17, 3000]) {
      const drawn = Array.from({ length: size }, () =>
        random.uniform() < 0.3 ? special[random.integer(special.length)] : random.normal() * 3,
      );
      const scores = new Column(drawn);
      const order = Array.from(orderByScore(scores));
      const at = (i: number): number => scores[i];
      // Zero has two signs, which are equal to a comparison but not in their bits.
      const sorted = Array.from(order).sort((a, b) => (at(a) === at(b) ? 0 : at(a) - at(b)));
      expect(order).toEqual(sorted);
      expect(new Set(order).size).toBe(size);
    }
    expect(Array.from(orderByScore(new Column([2, 1, 2, 1, 0])))).toEqual([4, 1, 3, 0, 2]);
  });

  it("takes a part of a larger buffer", () => {
    const whole = new Column([9, 3, -2, 1, 7]);
    expect(Array.from(orderByScore(whole.subarray(1, 4)))).toEqual([1, 2, 0]);
  });
});

it("ties end where the score changes, both zeros in one", () => {
  const scores = Float32Array.of(0, 5, -0, 5);
  const order = orderByScore(scores);
  expect(endOfTie(scores, order, 0, 4)).toBe(2);
  expect(endOfTie(scores, order, 2, 4)).toBe(4);
});

it("groups keep the order by score inside them; empty groups are there", () => {
  const { order, starts } = orderByGroup(Float32Array.of(3, 1, 2, 0), Uint32Array.of(2, 0, 2, 0), 4);
  expect(Array.from(order)).toEqual([3, 1, 2, 0]);
  expect(Array.from(starts)).toEqual([0, 2, 2, 4, 4]);
});
