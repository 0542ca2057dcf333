import { expect, test } from "vitest";
import type { FittedField, FittedSpec } from "../../../format/fitted-spec.ts";
import { expositionOf } from "../../../worker/metrics/exposition.ts";
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
  const rows = { missing: null, pagesRead: 3, pagesNearby: 2, rowsFound: { blob: 5, isolate: 2, source: 1 } };
  return { scores, logits, model, version, ...rows, timings, unseen: Uint32Array.from(unseen) };
}

const series = (counters: ScoringCounters): string[] =>
  expositionOf(counters.families())
    .split("\n")
    .filter((line) => line.startsWith("deepfm_edge_unseen"));

test("each version of each model has counts of its own", () => {
  const counters = new ScoringCounters();
  counters.add(resultOf("ads", "1", 2, 3), specOf("user", "site"));
  counters.add(resultOf("ads", "2", 1, 4), specOf("site", "device"));
  counters.add(resultOf("ads", "2", 1, 0), specOf("site", "device"));
  expect(series(counters)).toEqual([
    'deepfm_edge_unseen_values_total{model="ads",version="1",field="user"} 2',
    'deepfm_edge_unseen_values_total{model="ads",version="1",field="site"} 3',
    'deepfm_edge_unseen_values_total{model="ads",version="2",field="site"} 2',
    'deepfm_edge_unseen_values_total{model="ads",version="2",field="device"} 4',
  ]);
  const text = expositionOf(counters.families());
  expect(text).toContain('nv_inference_count{model="ads",version="1"} 2\n');
  expect(text).toContain('nv_inference_count{model="ads",version="2"} 4\n');
  expect(text).toContain('deepfm_edge_keys_read_total{model="ads",version="2"} 6\n');
  for (const [tier, rows] of Object.entries({ blob: 10, isolate: 4, source: 2 }))
    expect(text).toContain(`deepfm_edge_rows_found_total{model="ads",version="2",tier="${tier}"} ${rows}\n`);
});

test("the series are bounded: of the eight versions that served last, and none of hashed fields", () => {
  const counters = new ScoringCounters();
  for (let i = 0; i < 20; i++) {
    counters.add(resultOf("default", "1", 0, 0), specOf("user", "hashed"));
    counters.add(resultOf(`m${i}`, "1", 1, 0), specOf("user", "hashed"));
  }
  expect(series(counters)).toEqual([
    ...[13, 14, 15, 16, 17, 18].map((i) => `deepfm_edge_unseen_values_total{model="m${i}",version="1",field="user"} 1`),
    'deepfm_edge_unseen_values_total{model="default",version="1",field="user"} 0',
    'deepfm_edge_unseen_values_total{model="m19",version="1",field="user"} 1',
  ]);
});

test("names of fields are quoted as Prometheus has it", () => {
  const counters = new ScoringCounters();
  counters.add(resultOf("ads", "1", 1, 1), specOf('a"b\\c\nd', "__proto__"));
  expect(series(counters)).toEqual([
    String.raw`deepfm_edge_unseen_values_total{model="ads",version="1",field="a\"b\\c\nd"} 1`,
    'deepfm_edge_unseen_values_total{model="ads",version="1",field="__proto__"} 1',
  ]);
});

test("each family has its help and its type, in the exposition format", () => {
  const counters = new ScoringCounters();
  expect(expositionOf(counters.families())).toMatch(/^(# HELP (\w+) .+\n# TYPE \2 counter\n){10}$/);
});
