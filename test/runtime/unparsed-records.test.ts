import { expect, test } from "vitest";
import type { EncodedRecords } from "../../format/encoded-records.ts";
import { writeBlob } from "../../format/write-blob.ts";
import type { Listed } from "../../runtime/encoding-limits.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { outlineJson } from "../../worker/http/json-outline.ts";

// Lists of JSON that is not parsed yet give what the same lists of objects give.

const model = randomModel({ fields: 5, embeddingDim: 4 });
const scorer = new Scorer(placeBlob(kernelModule("relaxed"), writeBlob(model)));
const [item, context] = [model.spec.fields[0]?.name ?? "", model.spec.fields[1]?.name ?? ""];

function listOf(json: string): Listed<unknown> {
  return (outlineJson(new TextEncoder().encode(`{"list":${json}}`), ["list"]).parse() as { list: Listed<unknown> })
    .list;
}

function shown({ count, entries, offsets, keys, values }: EncodedRecords): number[][] {
  return [offsets.subarray(0, count * 5 + 1), keys.subarray(0, 2 * entries), values.subarray(0, entries)].map(
    (array) => [...array],
  );
}

function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String(error);
  }
  return "none";
}

test("records, and candidates of a context, simple ones and others in turn", () => {
  const values = ["a", "é", 7, 1.5, true, null, "", "b\n", -1];
  const list = Array.from({ length: 900 }, (_, i) => ({ [item]: `${values[i % 9]}${i}`, [context]: values[i % 9] }));
  const json = JSON.stringify(list, null, 1);
  expect(shown(scorer.encode(listOf(json)))).toEqual(shown(scorer.encode(list)));
  const items = list.map((record) => ({ [item]: record[item] }));
  expect(shown(scorer.encodeCandidates({ [context]: "c" }, listOf(JSON.stringify(items))))).toEqual(
    shown(scorer.encodeCandidates({ [context]: "c" }, items)),
  );
});

test("errors name the same place", () => {
  const list = [{ [item]: "a" }, { [item]: "b", nobody: 1 }];
  const error = errorOf(() => scorer.encode(list));
  expect(error).toContain("records[1].nobody");
  expect(errorOf(() => scorer.encode(listOf(JSON.stringify(list))))).toBe(error);
  const items = [{ [item]: "a" }, { [context]: "b" }];
  const wrongSide = errorOf(() => scorer.encodeCandidates({}, items));
  expect(wrongSide).toContain(`candidates[1].${context}`);
  expect(errorOf(() => scorer.encodeCandidates({}, listOf(JSON.stringify(items))))).toBe(wrongSide);
});

test("too many values are refused where they are too many, but for JSON that is none", () => {
  const list = Array.from({ length: 4 }, () => ({ [item]: "a", [context]: "b" }));
  const limits = { maxEntries: 12 };
  const error = errorOf(() => scorer.encode(list, limits));
  expect(error).toContain("records[2]");
  expect(errorOf(() => scorer.encode(listOf(JSON.stringify(list)), limits))).toBe(error);
  expect(errorOf(() => scorer.encode(listOf(JSON.stringify(list).replace(/\]$/, ",nul]")), limits))).toContain(
    "not JSON",
  );
});
