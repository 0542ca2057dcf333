import { expect, test } from "vitest";
import { makePlan, type Plan } from "../../deploy/plan/plan.ts";
import { planText, shortPlanText } from "../../deploy/plan/plan-text.ts";
import { TYPE_I8 } from "../../format/constants.ts";
import { integer, seeded } from "../../testing/format/random.ts";
import { Random } from "../../trainer/data/random.ts";
import { Vocabulary } from "../../trainer/data/vocabulary.ts";
import { recordsOfFrequencies } from "../../trainer/plan/planned-model.ts";
import { rowsInOrder } from "../../trainer/plan/planned-rows.ts";

const FIELDS = 2;
const ROWS = 6000;
const RECORDS = 3000;

/** A model of a context's field and an item's, whose values are as frequent as Zipf's law has it. */
function zipfModel() {
  const random = seeded(9);
  const keys = Uint32Array.from({ length: 2 * (FIELDS + ROWS) }, (_, i) =>
    i < 2 * FIELDS ? 0 : integer(random, 0, 2 ** 32 - 1),
  );
  const fieldOf = Uint16Array.from({ length: FIELDS + ROWS }, (_, row) => row % FIELDS);
  const counts = fieldOf.map((_, row) => Math.floor((row < FIELDS ? 0 : 10_000) / (1 + row / FIELDS)));
  const vocabulary = new Vocabulary(FIELDS, keys, fieldOf, Uint32Array.from(counts));
  const ranked = Array.from({ length: ROWS }, (_, i) => FIELDS + i);
  return {
    rows: rowsInOrder(vocabulary, { blob: [], paged: [], ranked, knowsFields: true }, TYPE_I8, 16),
    isItem: [false, true],
    limits: { cacheBytes: 140 * 1024, keysPerRequest: 32 },
  };
}

const model = zipfModel();
const fitted = { fields: [{}, {}] } as Parameters<typeof recordsOfFrequencies>[0]["fitted"];
const records = recordsOfFrequencies({ fitted, model }, new Random(1), RECORDS);
const sizes = { blobBytes: 16 * 1024, pageBytes: 2048, otherBlobBytes: 1000, itemBytes: 80, items: null };
const plan: Plan = makePlan(model, records, { ...sizes, candidates: 50 });

test("frequencies give records in which values are as frequent as training had them", () => {
  const { counts } = model.rows.vocabulary;
  const uses = records.rows.filter((row) => row === 2).length / RECORDS;
  const sum = counts.reduce((total, count, row) => total + (row % FIELDS === 0 ? count : 0), 0);
  expect(records.rows.length).toBeGreaterThan(1.9 * RECORDS);
  expect(Math.abs(uses - counts[2] / sum)).toBeLessThan(0.03);
});

test("of larger heads more is in the blob and less is read, and the plan says what that is worth", () => {
  expect(plan.heads.map(({ headFactor }) => headFactor)).toEqual([0, 0.25, 0.5, 1, 2, 4]);
  for (const [i, { score, rank, headRows }] of plan.heads.entries()) {
    const tiers = Object.values(score.tiers);
    expect(tiers.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    expect(score.dollarsPerMillion.kv).toBeCloseTo(0.5 * score.keys.mean, 9);
    expect(score.dollarsPerMillion.r2).toBeCloseTo(0.36 * score.keys.mean, 9);
    const before = plan.heads[i - 1];
    if (!before) continue;
    expect(headRows).toBeGreaterThan(before.headRows);
    expect(score.keys.mean).toBeLessThan(before.score.keys.mean);
    expect(rank?.keys.mean).toBeLessThan(before.rank?.keys.mean ?? 0);
  }
  expect(plan.present.headFactor).toBe(1);
  expect(plan.recommended.headFactor).toBe(4); // 1,536 of 6,000 rows: all others read more than a tenth more
  expect(plan.recommended.reasons[0]).toMatch(/^a head of 4 × the present one saves \$\d+\.\d\d per million requests/);
});

test("a head that saves in young isolates alone is said to, and no text advises what saves no cent", () => {
  const roomy = { ...model, limits: { ...model.limits, cacheBytes: 32 * 2 ** 20 } };
  const many = recordsOfFrequencies({ fitted, model }, new Random(1), 100_000);
  const { recommended } = makePlan(roomy, many, { ...sizes, headFactors: [1, 4], pageFactors: [1], candidates: 1 });
  expect(recommended.reasons[0]).toMatch(
    /^a head of 4 × the present one saves \$\d+\.\d\d per million of an isolate's first 100 requests; no larger/,
  );
  // Values of which every head has the rows.
  const frequent = { ...records, rows: records.rows.map((row) => FIELDS + (row % FIELDS)) };
  const text = planText(makePlan(roomy, frequent, { ...sizes, candidates: 50 }));
  expect(text).toContain("a head of 0.25 × the present one costs no cent more and is smaller");
  expect(text).toMatch(
    /^a catalogue of items does not save a key a request with up to 50 candidates: 0\.00 keys to rank 50$/m,
  );
});

test("a catalogue leaves the context's keys, and pays from as many candidates as read a key more", () => {
  const { catalogue } = plan;
  expect(catalogue?.keys).toBeLessThan(1);
  expect(catalogue?.byCandidates.map(({ candidates }) => candidates)).toEqual([1, 10, 50]);
  // One candidate reads less than a key more than the context, and ten of them more than one.
  expect(catalogue?.paysFrom).toBe(10);
  const [one, ten] = catalogue?.byCandidates ?? [];
  expect(one?.keys).toBeLessThan(1 + (catalogue?.keys ?? 0));
  expect(ten?.keys).toBeGreaterThanOrEqual(1 + (catalogue?.keys ?? 0));
  const saved = (plan.heads.find(({ headFactor }) => headFactor === 4)?.rank?.keys.mean ?? 0) - (catalogue?.keys ?? 0);
  expect(catalogue?.savesPerMillion).toBeCloseTo(0.5 * saved, 9);
});

test("a catalogue that the blob has no room for reads pages of the items that are in neither blob nor cache", () => {
  const counts = Uint32Array.from({ length: 3000 }, (_, i) => Math.floor(10_000 / (1 + i)));
  const items = { field: "item", count: 3000, counts, entryBytes: 36, blobBytes: 48 * 100 };
  const { catalogue } = makePlan(model, records, { ...sizes, items, candidates: 50 });
  const cached = Math.floor(model.limits.cacheBytes / (36 + 17));
  const sum = (list: Uint32Array): number => list.reduce((a, b) => a + b, 0);
  const missed = sum(counts.subarray(100 + cached)) / sum(counts);
  const { entries } = catalogue ?? {};
  expect(entries).toMatchObject({ bytesPerItem: 36, inBlob: 100 });
  expect(entries?.keys).toBeCloseTo(50 * missed, 9);
  expect(entries?.pages).toBeGreaterThan(10);
  expect(catalogue?.keys).toBeCloseTo((plan.catalogue?.keys ?? 0) + 50 * missed, 9);
  const text = planText({ ...plan, catalogue });
  expect(text).toContain("with 100 of all 3,000 values of item in the blob and the others in");
  const fits = { ...items, blobBytes: 3000 * (80 + 8) };
  expect(makePlan(model, records, { ...sizes, items: fits, candidates: 50 }).catalogue?.entries).toBeNull();
});

test("the same records give the same plan, and its text has every head and size of pages", () => {
  expect(makePlan(model, records, { ...sizes, candidates: 50 })).toEqual(plan);
  const text = planText(plan);
  for (const { headFactor } of plan.heads) expect(text).toMatch(new RegExp(`${headFactor} × .*rank 50`));
  for (const size of [1, 2, 8]) expect(text).toContain(`× ${size} KiB`);
  expect(text).toContain("a catalogue of items saves a key a request from 10 candidates on");
  expect(shortPlanText(plan).split("\n")).toHaveLength(3);
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan); // no NaN, and nothing that JSON has not
});

test("heads that the blob has no room for are left out", () => {
  const full = { ...sizes, otherBlobBytes: 36 * 2 ** 20 - 40 * 1024 };
  const { heads } = makePlan(model, records, { ...full, candidates: 50 });
  expect(heads.map(({ headFactor }) => headFactor)).toEqual([0, 0.25, 0.5, 1]);
});
