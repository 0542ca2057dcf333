import { expect, it } from "vitest";
import { evaluatePredictions, evaluationLines } from "../../../trainer/metrics/evaluation.ts";
import { GROUP_COUNT, GROUPS, LABELS, SCORES, WEIGHTS } from "./sample.ts";

const logits = SCORES.map((p) => Math.log(p / (1 - p)));

it("every metric of one set of logits, as the single ones compute it", () => {
  const groups = { name: "user", of: GROUPS, count: GROUP_COUNT };
  const evaluation = evaluatePredictions({ logits, labels: LABELS }, groups, 2);
  expect(evaluation.auc).toBeCloseTo(0.7571428571428571, 12);
  expect(evaluation.logloss).toBeCloseTo(0.5389712295119279, 12);
  expect(evaluation.relativeInformationGain).toBeCloseTo(0.20645380851191686, 12);
  expect(evaluation.calibrationRatio).toBeCloseTo(1.09, 12);
  expect(evaluation.grouped).toMatchObject({ by: "user", gauc: 0.875, groups: 3, k: 2 });
  expect(evaluation.grouped?.ndcg).toBeCloseTo(0.9055096182921145, 12);
  expect(evaluationLines(evaluation)).toContainEqual(["NDCG@2 by user", "0.90551"]);
});

it("sample weights reach every metric that has them; without groups there is no GAUC", () => {
  const evaluation = evaluatePredictions({ logits, labels: LABELS, weights: WEIGHTS }, null, 10);
  expect(evaluation.auc).toBeCloseTo(0.8666666666666667, 12);
  expect(evaluation.logloss).toBeCloseTo(0.45111782348494045, 12);
  expect(evaluation.relativeInformationGain).toBeCloseTo(0.2412353827044489, 12);
  expect(evaluation.calibrationRatio).toBeCloseTo(1.51, 12);
  expect(evaluation.clickRate).toBeCloseTo(5 / 17.75, 12);
  expect(evaluation.grouped).toBeUndefined();
});
