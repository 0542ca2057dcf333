// One suite that every scorer must pass, for every model: the trainer's forward pass, a float64 reading of the blob,
// and the scalar, SIMD and relaxed-SIMD kernels, each on blobs of every quantization. All start from raw records, as
// users send them.
import { beforeAll, describe, expect, it } from "vitest";
import { EncodedRecords } from "../../format/encoded-records.ts";
import { Page } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { RecordEncoder } from "../../format/record.ts";
import { MODEL_TYPES, type ModelType, type ResolvedSpec } from "../../format/spec.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import type { TestRecord } from "../../testing/kernel/random-model.ts";
import type { Dataset } from "../../trainer/data/dataset.ts";
import { Random } from "../../trainer/data/random.ts";
import type { RawRecord } from "../../trainer/data/raw-record.ts";
import { Vocabulary } from "../../trainer/data/vocabulary.ts";
import { startBackend } from "../../trainer/engine/backend.ts";
import { type ExportedModel, exportModel } from "../../trainer/export/export.ts";
import { QUANTIZATIONS, type Quantization } from "../../trainer/export/quantization.ts";
import { sealExport } from "../../trainer/export/seal.ts";
import type { Learner } from "../../trainer/model/learner.ts";
import { referenceLogit as blobLogit } from "../assembly/score/reference.ts";
import { TEST_BACKEND } from "../trainer/backend.ts";
import { type ReferenceRecord, referenceLogits, referenceWeights } from "../trainer/model/reference.ts";
import { fittedOf, randomLearner, tinySpec } from "../trainer/tiny.ts";

const USERS = Array.from({ length: 40 }, (_, i) => `u${i}`);
const ITEMS = Array.from({ length: 25 }, (_, i) => `i${i}`);
const TAGS = ["new", "sale", "été", "日本", ""];

function specOf(type: ModelType): ResolvedSpec {
  return {
    // BatchNorm, so that its folding is a part of what must agree; and a small budget for the blob, so that most rows
    // are in pages.
    ...tinySpec({ type, embeddingDim: 5, hidden: [17, 9], batchNorm: true, activation: ACTIVATION[type] ?? "relu" }),
    rows: { blobBytes: 400, pageBytes: 1024, deltaBytes: 0, itemBytes: 0 },
  };
}

/** Two models have activations other than ReLU. */
const ACTIVATION: Partial<Record<ModelType, string>> = { FNN: "tanh", "two-tower": "sigmoid" };

const fitted = fittedOf(specOf("DeepFM"));

/** A vocabulary of all the ids above, so that records can be written with raw values. */
function vocabularyOf(): Vocabulary {
  const encoder = new RecordEncoder(fitted);
  const encoded = new EncodedRecords();
  for (const user of USERS) encoder.encodeObject({ user, item: "", tags: "" }, encoded, "");
  for (const item of ["", ...ITEMS]) encoder.encodeObject({ user: "", item, tags: TAGS }, encoded, "");
  const keys = [0, 0, 0, 0, 0, 0];
  const fieldOf = [0, 1, 2];
  const seen = new Set<string>();
  for (let cell = 0; cell < encoded.count * 3; cell++) {
    for (let entry = encoded.offsets[cell]; entry < encoded.offsets[cell + 1]; entry++) {
      const [lo, hi] = encoded.keys.subarray(2 * entry, 2 * entry + 2) as unknown as [number, number];
      if (seen.has(`${lo},${hi}`)) continue;
      seen.add(`${lo},${hi}`);
      keys.push(lo, hi);
      fieldOf.push(cell % 3);
    }
  }
  const counts = Uint32Array.from(fieldOf, (_, i) => 1 + ((i * 7) % 11));
  return new Vocabulary(3, Uint32Array.from(keys), Uint16Array.from(fieldOf), counts);
}

const CASES: Record<string, Record<string, unknown>[]> = {
  "one record": [{ user: "u1", item: "i3", tags: ["new"] }],
  "a field left out, null and empty, which mean the same": [
    { item: "i1" },
    { user: null, item: "i1" },
    { user: "", item: "i1", tags: "" },
  ],
  "values never seen in training": [{ user: "nobody", item: "nothing", tags: ["unheard", "of"] }],
  "many tags, some unseen, some repeated": [{ user: "u7", item: "i7", tags: "new|sale|new|été|日本|?" }],
  "an empty record": [{}],
  "no records": [],
  "more than a kernel call takes": Array.from({ length: 157 }, (_, i) => ({
    user: USERS[(i * 7) % 45],
    item: ITEMS[(i * 3) % 28],
    tags: TAGS.slice(i % 3, i % 6),
  })),
};

interface Fixture {
  learner: Learner;
  exported: Record<Quantization, ExportedModel>;
  /** The same models with all rows in the blob. */
  whole: Record<Quantization, ExportedModel>;
  truth: Record<string, number[]>;
}
const vocabulary = vocabularyOf();

function encode(records: readonly object[]): EncodedRecords {
  const encoder = new RecordEncoder(fitted);
  const encoded = new EncodedRecords();
  for (const record of records) encoder.encodeObject(record, encoded, "record");
  return encoded;
}

/** Records with the row numbers of their entries in the vocabulary, as the trainer and the reference take them. */
function datasetOf(records: readonly object[]): Dataset {
  const encoded = encode(records);
  const rows = new Int32Array(encoded.entries);
  for (let cell = 0; cell < encoded.count * 3; cell++) {
    for (let entry = encoded.offsets[cell]; entry < encoded.offsets[cell + 1]; entry++) {
      rows[entry] = vocabulary.row(cell % 3, encoded.keys[2 * entry], encoded.keys[2 * entry + 1]);
    }
  }
  const labels = new Uint8Array(encoded.count);
  return { count: encoded.count, labels, offsets: encoded.offsets, rows, values: encoded.values };
}

function cellsOf(dataset: Dataset, rowOf: (entry: number) => number): { row: number; x: number }[][][] {
  return Array.from({ length: dataset.count }, (_, b) =>
    Array.from({ length: 3 }, (_, f) => {
      const [first, last] = [dataset.offsets[b * 3 + f], dataset.offsets[b * 3 + f + 1]];
      return Array.from({ length: last - first }, (_, i) => ({
        row: rowOf(first + i),
        x: dataset.values[first + i],
      }));
    }),
  );
}

function referenceRecords(records: readonly object[]): ReferenceRecord[] {
  const dataset = datasetOf(records);
  return cellsOf(dataset, (entry) => dataset.rows[entry]);
}

/**
 * Computes in float64 from the blob alone. Rows that are not in it score as OOV rows, so it is asked only where all
 * rows are there.
 */
function wholeBlob(exported: ExportedModel, records: readonly object[]): number[] {
  const model = readBlob(exported.blob);
  const encoded = encode(records);
  const rowOfKey = new Map<string, number>();
  for (let i = 0; i < model.keys.length / 2; i++) rowOfKey.set(`${model.keys[2 * i]},${model.keys[2 * i + 1]}`, 3 + i);
  const dataset = { ...datasetOf(records), labels: new Uint8Array(0) };
  let cell = 0;
  const fieldOfEntry: number[] = [];
  for (; cell < encoded.count * 3; cell++) {
    for (let entry = encoded.offsets[cell]; entry < encoded.offsets[cell + 1]; entry++) fieldOfEntry[entry] = cell % 3;
  }
  const cells = cellsOf(
    dataset,
    (entry) => rowOfKey.get(`${encoded.keys[2 * entry]},${encoded.keys[2 * entry + 1]}`) ?? fieldOfEntry[entry],
  );
  return cells.map(
    (record) =>
      blobLogit(model, record.map((field) => field.map(({ row, x }) => ({ row, value: x }))) as TestRecord).value,
  );
}

function scorerOf(variant: "scalar" | "simd" | "relaxed", exported: ExportedModel) {
  const scorer = new Scorer(placeBlob(kernelModule(variant), exported.blob));
  const pages = new Map(exported.pages.map(({ bytes }, page) => [page, new Page(bytes, scorer.manifest, page)]));
  return { scorer, pages };
}

function kernelLogits(
  variant: "scalar" | "simd" | "relaxed",
  exported: ExportedModel,
  records: readonly object[],
): number[] {
  const { scorer, pages } = scorerOf(variant, exported);
  const { logits, scores, rowsMissing } = scorer.score(scorer.locate(scorer.encode(records)), pages);
  expect(rowsMissing).toBe(0);
  logits.forEach((z, i) => {
    expect(scores[i]).toBeCloseTo(1 / (1 + Math.exp(-z)), 6);
  });
  return [...logits];
}

async function exported(...of: Parameters<typeof exportModel>): Promise<ExportedModel> {
  return sealExport(
    await exportModel(...of),
    {},
    (CASES["more than a kernel call takes"] ?? []).slice(0, 8) as RawRecord[],
  );
}

async function fixtureOf(type: ModelType): Promise<Fixture> {
  await startBackend(TEST_BACKEND);
  const spec = specOf(type);
  const learner = randomLearner(spec, vocabulary, new Random(5));
  const calibration = datasetOf(CASES["more than a kernel call takes"] ?? []);
  const run = { spec, fitted, vocabulary, learner };
  const allInBlob = { ...run, spec: { ...spec, rows: { ...spec.rows, blobBytes: 1e6 } } };
  const weights = referenceWeights(spec, learner);
  return {
    learner,
    exported: await exportAll(run, calibration),
    whole: await exportAll(allInBlob, calibration),
    truth: Object.fromEntries(
      Object.entries(CASES).map(([name, records]) => [
        name,
        referenceLogits(weights, referenceRecords(records), false),
      ]),
    ),
  };
}

async function exportAll(
  run: Parameters<typeof exportModel>[0],
  calibration: Dataset,
): Promise<Record<Quantization, ExportedModel>> {
  const all = QUANTIZATIONS.map(async (name) => [name, await exported(run, name, calibration)] as const);
  return Object.fromEntries(await Promise.all(all)) as Record<Quantization, ExportedModel>;
}

// float32 against float64: sums of some thirty terms of size one. int8: half a step of 1/127 in each of the rows, the
// weights and the two layers' inputs, which over these layers adds up to some hundredths; products and two towers'
// vectors multiply two such errors' carriers.
const FLOAT = 1e-5;
const INT8 = 0.1;
// int4: half a step of 1/7 of a row's largest element, so some twenty times the rows' part of that.
const INT4 = 0.8;
const TOLERANCES: Record<Quantization, number> = { int8: INT8, int4: INT4, f16: INT8, f32: FLOAT };

interface NamedScorer {
  name: string;
  tolerance: number;
  logits(fixture: Fixture, records: readonly object[]): number[];
}

const VARIANTS = ["scalar", "simd", "relaxed"] as const;

const SCORERS: NamedScorer[] = [
  {
    name: "trainer, float32",
    tolerance: FLOAT,
    logits: ({ learner }, records) => [...learner.predict(datasetOf(records))],
  },
  ...QUANTIZATIONS.flatMap((quantization): NamedScorer[] => [
    {
      name: `float64 reading of the ${quantization} blob`,
      tolerance: TOLERANCES[quantization],
      logits: ({ whole }, records) => wholeBlob(whole[quantization], records),
    },
    ...VARIANTS.map(
      (variant): NamedScorer => ({
        name: `${variant} kernel, ${quantization}`,
        tolerance: TOLERANCES[quantization],
        logits: ({ exported }, records) => kernelLogits(variant, exported[quantization], records),
      }),
    ),
  ]),
];

describe.each(MODEL_TYPES)("%s", (type) => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await fixtureOf(type);
  });

  describe.each(SCORERS)("$name", ({ logits, tolerance }) => {
    it.each(Object.keys(CASES))("%s", (name) => {
      const got = logits(fixture, CASES[name] ?? []);
      const truth = fixture.truth[name] ?? [];
      expect(got).toHaveLength(truth.length);
      got.forEach((logit, i) => {
        expect(Math.abs(logit - truth[i]), `record ${i}: got ${logit}, expected ${truth[i]}`).toBeLessThan(tolerance);
      });
    });
  });

  it("the three kernels agree closer with each other than quantization with float32", () => {
    const records = CASES["more than a kernel call takes"] ?? [];
    for (const quantization of QUANTIZATIONS) {
      const [scalar, simd, relaxed] = VARIANTS.map((v) => kernelLogits(v, fixture.exported[quantization], records));
      scalar?.forEach((logit, i) => {
        expect(simd?.[i]).toBeCloseTo(logit, 4);
        expect(relaxed?.[i]).toBeCloseTo(logit, 4);
      });
    }
  });

  it.each(VARIANTS)("the %s kernel ranks candidates as it scores their whole records", (variant) => {
    const context = { user: "u7" };
    const candidates = ITEMS.concat("nothing").flatMap((item, i) => [{ item, tags: TAGS.slice(i % 5) }, { item }]);
    const whole = candidates.map((candidate) => ({ ...context, ...candidate }));
    for (const quantization of ["int8", "f32"] as const) {
      const { scorer, pages } = scorerOf(variant, fixture.exported[quantization]);
      const located = scorer.locate(scorer.encodeCandidates(context, candidates));
      const ranked = scorer.rank(located, pages);
      const scored = scorer.score(scorer.locate(scorer.encode(whole)), pages);
      expect(ranked.rowsMissing).toBe(0);
      // The user comes first in the spec, so that even float32 sums are in the same order.
      expect(ranked.logits, quantization).toEqual(scored.logits);
      expect(ranked.scores, quantization).toEqual(scored.scores);

      const none = scorer.rank(located, new Map());
      const noneWhole = scorer.score(scorer.locate(scorer.encode(whole)), new Map());
      expect(none.logits).toEqual(noneWhole.logits);
      // Whole records miss their user's row in each of them, a ranking once.
      expect(none.rowsMissing).toBeGreaterThan(0);
      expect(none.rowsMissing).toBeLessThanOrEqual(noneWhole.rowsMissing);
    }
  });

  it("refuses a field on the other side of a ranking", () => {
    const { scorer } = scorerOf("simd", fixture.exported.int8);
    expect(() => scorer.encodeCandidates({ user: "u1", item: "i1" }, [])).toThrow(
      "context.item: got a field of the item, expected the context's",
    );
    expect(() => scorer.encodeCandidates({ user: "u1" }, [{ item: "i1" }, { user: "u1" }])).toThrow(
      "candidates[1].user: got a field of the context, expected the item's",
    );
    expect(() => scorer.encodeCandidates({}, [{ tags: TAGS }], { maxEntries: 3 })).toThrow("candidates[0]: got");
  });

  it("rows are read from pages too", () => {
    expect(fixture.exported.int8.pages.length).toBeGreaterThan(0);
  });
});
