import { expect, test } from "vitest";
import type { FittedField, FittedSpec } from "../../../format/fitted-spec.ts";
import { ScoringCounters } from "../../../worker/metrics/scoring-counters.ts";

type Result = Parameters<ScoringCounters["add"]>[0];

function specOf(...names: string[]): FittedSpec {
  const fields = names.map((name): FittedField => {
    const encoding = name.startsWith("hashed")
      ? ({ kind: "hash", buckets: 8 } as const)
      : ({ kind: "vocabulary" } as const);
    return { name, side: "context", kv: false, type: "categorical", encoding, missing: "own" };
  });
  return { name: "ads", label: "click", fields };
}

function resultOf(model: string, version: string, ...unseen: number[]): Result {
  const [scores, logits] = [new Float32Array(2), new Float32Array(2)];
  const timings = { encode: 0, rows: 0, kernel: 0 };
  return { scores, logits, model, version, missing: null, pagesRead: 0, timings, unseen: Uint32Array.from(unseen) };
}

const series = (counters: ScoringCounters): string[] =>
  counters
    .text()
    .split("\n")
    .filter((line) => line.startsWith("deepfm_edge_unseen"));

test("a model's counts go on in its next version, but for fields that it does not have any more", () => {
  const counters = new ScoringCounters();
  counters.add(resultOf("ads", "1", 2, 3), specOf("user", "site"));
  counters.add(resultOf("ads", "2", 1, 4), specOf("site", "device"));
  expect(series(counters)).toEqual([
    'deepfm_edge_unseen_values_total{model="ads",field="site"} 4',
    'deepfm_edge_unseen_values_total{model="ads",field="device"} 4',
  ]);
  expect(counters.text()).toContain('deepfm_edge_records_total{model="ads"} 4\n');
});

test("the series are bounded: of the last four models alone, and none of hashed fields", () => {
  const counters = new ScoringCounters();
  for (let i = 0; i < 10; i++) counters.add(resultOf(`m${i}`, "1", 1, 0), specOf("user", "hashed"));
  expect(series(counters)).toEqual(
    [6, 7, 8, 9].map((i) => `deepfm_edge_unseen_values_total{model="m${i}",field="user"} 1`),
  );
});

test("names of fields are quoted as Prometheus has it", () => {
  const counters = new ScoringCounters();
  counters.add(resultOf("ads", "1", 1, 1), specOf('a"b\\c\nd', "__proto__"));
  expect(series(counters)).toEqual([
    String.raw`deepfm_edge_unseen_values_total{model="ads",field="a\"b\\c\nd"} 1`,
    'deepfm_edge_unseen_values_total{model="ads",field="__proto__"} 1',
  ]);
});

test("each family has its help and its type, in the exposition format", () => {
  const counters = new ScoringCounters();
  expect(counters.text()).toMatch(/^(# HELP (\w+_total) .+\n# TYPE \2 counter\n){4}$/);
});
