import { describe, expect, test } from "vitest";
import type { ModelBlob } from "../../format/blob.ts";
import { FormatError } from "../../format/errors.ts";
import type { FittedField } from "../../format/fitted-spec.ts";
import { compareKeys } from "../../format/keys.ts";
import { addToFilter, newFilter } from "../../format/row-filter.ts";
import { writeBlob } from "../../format/write-blob.ts";
import type { Listed } from "../../runtime/encoding-limits.ts";
import { type KeptRows, NO_ROW, NOTHING_KEPT, UNKNOWN_ROW } from "../../runtime/kept-rows.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { KERNELS } from "../../testing/kernel/harness.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";
import { BodyError } from "../../worker/http/errors.ts";
import { outlineJson } from "../../worker/http/json-outline.ts";
import { JsonValue } from "../../worker/http/json-value.ts";

// What is scored straight from JSON, in the kernel's buffers, has the scores and counts of what goes over
// EncodedRecords, to the bit.

const F = 6;
const VALUES = 40;
const RECORDS = 300;
const HOT = 70;

const drawn = randomModel({ fields: F, embeddingDim: 6, hidden: [16, 8], hotRows: HOT, pages: 5, seed: 3 });
const FIELDS = drawn.spec.fields.map(
  (field, f): FittedField =>
    ({
      ...field,
      missing: (["own", "oov", "skip", "own", "own", "own"] as const)[f],
      encoding: f === 3 ? { kind: "hash", buckets: 11 } : field.encoding,
      kv: f !== 4,
    }) as FittedField,
);
const spec = { ...drawn.spec, fields: FIELDS };
const random = seeded(7);

type Raw = Record<string, string | number | boolean | null>;

function recordOf(side?: string): Raw {
  const fields = FIELDS.filter((field) => side === undefined || field.side === side);
  const value = (): string | number | null => {
    const n = integer(random, 0, VALUES - 1);
    return [`v${n}`, n, null, ""][random() < 0.9 ? n % 2 : 2 + (n % 2)] as string | number | null;
  };
  return Object.fromEntries(fields.filter(() => random() < 0.95).map(({ name }) => [name, value()]));
}

const records = Array.from({ length: RECORDS }, () => recordOf());
const context = recordOf("context");
const candidates = Array.from({ length: RECORDS }, () => recordOf("item"));

/** The keys of all values of the records and candidates: some get a row in the blob, some in pages, some none. */
const keys = [...keysOf(records), ...keysOf([context])];
const shuffled = [...new Map(keys.map((key) => [key.join(), key])).values()].filter(([lo, hi]) => (lo | hi) !== 0);
const hot = shuffled.slice(0, HOT).sort(([aLo, aHi], [bLo, bHi]) => compareKeys(aLo, aHi, bLo, bHi));
const cold = new Map(shuffled.slice(HOT, 2 * HOT).map((key, i) => [key.join(), i]));
const filter = newFilter(cold.size + 20, 12);
for (const [lo, hi] of [...shuffled.slice(HOT, 2 * HOT), ...shuffled.slice(2 * HOT, 2 * HOT + 20)])
  addToFilter(filter, lo, hi);
const model: ModelBlob = { ...drawn, spec, keys: Uint32Array.from(hot.flat()), filter };

function keysOf(list: readonly Raw[]): [number, number][] {
  const scorer = new Scorer(placeBlob(KERNELS[0].module, writeBlob({ ...drawn, spec })));
  const { keys: words, entries } = scorer.encode(list);
  return Array.from({ length: entries }, (_, i) => [words[2 * i] as number, words[2 * i + 1] as number]);
}

/** Rows of an isolate's cache: those of the cold values, and that the filter's other values have none. */
const kept: KeptRows = {
  ...NOTHING_KEPT,
  find: (lo, hi) => cold.get([lo, hi].join()) ?? NO_ROW,
  copy(number, target, at) {
    // Rows of the blob stand for them, so that they have finite numbers.
    target.set(
      new Uint32Array(drawn.rows.buffer, 0, drawn.rows.byteLength / 4).subarray(4 * number, 4 * number + 4),
      at,
    );
  },
};

function listOf(json: string): Listed<unknown> {
  const body = outlineJson(new TextEncoder().encode(`{"list":${json}}`), ["list"]).parse();
  return (body as { list: Listed<unknown> }).list;
}

/** A context whose value nobody is to ask for. */
class UnparsedContext extends JsonValue {
  override get value(): unknown {
    throw new Error("the context was parsed");
  }
}

function jsonOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

describe.each(KERNELS)("$name", ({ module }) => {
  const scorer = new Scorer(placeBlob(module, writeBlob(model)));

  test("records", () => {
    const located = scorer.locate(scorer.encode(records), 1, {}, kept);
    expect(located.pages.size).toBe(0);
    const { logits, scores, unseen } = scorer.score(located, new Map());
    const direct = scorer.scoreDirectly(listOf(JSON.stringify(records)), kept);
    const { blobCount, keptCount } = located;
    expect(direct).toMatchObject({ logits, scores, unseen, blobCount, keptCount, rowsMissing: 0, rowsFromPages: 0 });
    for (const count of [blobCount, keptCount, ...unseen.filter((_, f) => f !== 3)]) expect(count).toBeGreaterThan(0);
    expect(unseen[3]).toBe(0);
  });

  test("candidates of a context", () => {
    const located = scorer.locate(scorer.encodeCandidates(context, candidates), RECORDS, {}, kept);
    const { logits, scores, unseen } = scorer.rank(located, new Map());
    const direct = scorer.rankDirectly(context, listOf(JSON.stringify(candidates)), kept);
    const { blobCount, keptCount } = located;
    const expected = { logits, scores, unseen, blobCount, keptCount };
    expect(direct).toMatchObject(expected);
    const unparsed = new UnparsedContext(jsonOf(context));
    expect(scorer.rankDirectly(unparsed, listOf(JSON.stringify(candidates)), kept)).toMatchObject(expected);
  });

  test("a context that is not simple is parsed, and refused where it is none", () => {
    const { name } = FIELDS.find(({ side }) => side === "context") as FittedField;
    const odd = { ...context, [name]: "é" };
    const ranked = (of: unknown) => scorer.rankDirectly(of, listOf(JSON.stringify(candidates)), kept);
    expect(ranked(new JsonValue(jsonOf(odd)))).toEqual({ ...ranked(odd), kernelMs: expect.any(Number) });
    for (const wrong of [{ nobody: 1 }, recordOf("item"), [], 7])
      expect(() => ranked(new JsonValue(jsonOf(wrong)))).toThrow(FormatError);
    for (const broken of ["", "{", "{}}", '{"f0":1}x'])
      expect(() => ranked(new JsonValue(new TextEncoder().encode(broken)))).toThrow(BodyError);
  });

  test("no list with a row that is not at hand, or with a record that is not simple", () => {
    const fresh = (): Scorer => new Scorer(placeBlob(module, writeBlob(model)));
    const nothing: KeptRows = { ...kept, find: () => UNKNOWN_ROW };
    expect(fresh().scoreDirectly(listOf(JSON.stringify(records)), nothing)).toBeNull();
    for (const given of [context, new JsonValue(jsonOf(context))])
      expect(fresh().rankDirectly(given, listOf(JSON.stringify(candidates)), nothing)).toBeNull();
    for (const odd of [{ f0: "é" }, { f0: "\n" }, { nobody: 1 }, { f0: [1] }, 7])
      expect(fresh().scoreDirectly(listOf(JSON.stringify([...records, odd])), kept)).toBeNull();
    for (const broken of ["[]", '[{"f0":1},]', '[{"f0":1}{}]', '[{"f0":1],{}]'])
      expect(fresh().scoreDirectly(listOf(broken), kept)).toBeNull();
    expect(fresh().scoreDirectly(records, kept)).toBeNull(); // no JSON
  });

  test("after lists that it could not score it leaves more and more alone, until it can score one", () => {
    const one = new Scorer(placeBlob(module, writeBlob(model)));
    const good = JSON.stringify(records.slice(0, 3));
    const bad = JSON.stringify([{ f0: "é" }]);
    const tried = (json: string): boolean => one.scoreDirectly(listOf(json), kept) !== null;
    expect([tried(good), tried(bad), tried(good), tried(good)]).toEqual([true, false, false, true]);
    expect([tried(bad), tried(good), tried(bad), tried(bad), tried(bad), tried(bad)].some(Boolean)).toBe(false);
    expect(Array.from({ length: 70 }, () => tried(good)).filter(Boolean).length).toBeGreaterThan(60);
  });
});
