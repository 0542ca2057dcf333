import { describe, expect, test } from "vitest";
import { SequentialRatioTest, sampleRatioTest } from "../../../lab/analysis/sample-ratio.ts";
import { seeded } from "../../../testing/format/random.ts";
import { expectDigits, expectNear } from "./near.ts";

describe("the sample ratio test", () => {
  // Kohavi, Tang and Xu 2020, chapter 3; an example of Statsig's documentation; one that is quiet.
  test.each([
    [[821588, 815482], [0.5, 0.5], 22.77436884189436, 1, 1.8217928726191858e-6],
    [[166080, 171180, 166300], [1, 1, 1], 99.04043212328224, 2, 3.116329865438442e-22],
    [[50050, 49950], [50, 50], 0.1, 1, 0.7518296340458492],
    [[50050, 7, 49950], [0.5, 0, 0.5], 0.1, 1, 0.7518296340458492],
  ])("%j at %j", (units, weights, chiSquare, degrees, p) => {
    const found = sampleRatioTest(units, weights);
    expectDigits(found.chiSquare, chiSquare);
    expect(found.degrees).toBe(degrees);
    expectDigits(found.p, p, 1e-11);
    expect(found.mismatch).toBe(p < 0.001);
  });

  test("asks no arm that is expected to have less than 5 units by itself", () => {
    // Of 50 units, 0.05 are expected of an arm with a weight of 0.001: one comes in 5 % of cases, and χ² says 2e-5.
    expect(sampleRatioTest([49, 1], [0.999, 0.001])).toEqual({ chiSquare: 0, degrees: 0, p: 1, mismatch: false });
    expect(sampleRatioTest([2, 2], [1, 1])).toMatchObject({ degrees: 0, p: 1 });
    expect(sampleRatioTest([5, 5], [1, 1])).toMatchObject({ degrees: 1, p: 1 });
    // Three small arms have 6 expected units together, of 600.
    const weights = [0.99, 0.004, 0.003, 0.003];
    expect(sampleRatioTest([591, 9, 0, 0], weights)).toEqual(sampleRatioTest([591, 9], [0.99, 0.01]));
    expect(sampleRatioTest([600, 0, 0, 0], weights).degrees).toBe(1);
    // Of more units each is asked for itself.
    expect(sampleRatioTest([1990, 0, 6, 6], weights)).toMatchObject({ degrees: 3, mismatch: false });
    expect(sampleRatioTest([19_900, 40, 60, 0], weights)).toMatchObject({ degrees: 3, mismatch: true });
  });

  test.each([
    [[1, 2], [1], "weights: got 1, expected one for each of 2 arms"],
    [[1, 2], [1, 0], "weights: got 1, 0, expected two or more above 0, and none below"],
    [[1, 2, 3], [1, -1, 1], "weights: got 1, -1, 1, expected"],
  ])("refuses %j at %j", (units, weights, message) => {
    expect(() => sampleRatioTest(units, weights)).toThrow(message);
  });
});

describe("the sequential one", () => {
  // optimizely/ssrm, test_ssrm.py
  test.each([
    [
      [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
      [-1.0986122886681096, -2.4849066497880004, -3.401197381662155, -4.499809670330265, -6.4457198193855785],
      [-0.916290731874155, -1.83258146374831, -2.748872195622465, -3.66516292749662, -5.27460083993072],
    ],
    [
      [
        [20, 17, 9],
        [18, 21, 8],
        [4, 6, 4],
        [18, 19, 11],
      ],
      [-7.028201432058012, -11.947847738358888, -15.471401950257842, -19.96484521090386],
      [-4.0776406466061985, -8.265946861099877, -11.610743519545139, -15.781031228536165],
    ],
  ])("%j", (batches, logM1, logM0) => {
    const watched = new SequentialRatioTest([0.4, 0.4, 0.2], [1, 1, 1]);
    const looks = batches.map((batch) => {
      watched.add(batch);
      return [watched.logM1, watched.logM0];
    });
    expectNear(
      looks.map(([m1]) => m1),
      logM1,
      1e-12,
    );
    expectNear(
      looks.map(([, m0]) => m0),
      logM0,
      1e-12,
    );
    expect(watched.p).toBe(1);
  });

  test("is seldom wrong although it looks 40 times, and finds units that are lost", () => {
    const random = seeded(7);
    const draw = (n: number, share: number): number => {
      let count = 0;
      for (let i = 0; i < n; i++) if (random() < share) count++;
      return count;
    };
    let alarms = 0;
    for (let run = 0; run < 200; run++) {
      const watched = new SequentialRatioTest([1, 1]);
      for (let look = 0; look < 40; look++) {
        const first = draw(100, 0.5);
        watched.add([first, 100 - first]);
      }
      if (watched.p < 0.05) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(18); // 10 are expected at most; 19 or more have a probability under 0.5 %
    const losing = new SequentialRatioTest([1, 1]);
    losing.add([50_000, 48_500]);
    expect(losing.p).toBeLessThan(0.001);
    expect(losing.add([50_000, 50_000])).toBeLessThan(0.001);
    expect(() => losing.add([1])).toThrow("units: got 1 arms, expected 2");
  });
});
