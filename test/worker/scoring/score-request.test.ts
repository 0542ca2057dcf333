import { afterAll, expect, test, vi } from "vitest";
import { TERM_LINEAR, TYPE_F32 } from "../../../format/constants.ts";
import { FormatError, RequestError } from "../../../format/errors.ts";
import type { FittedField } from "../../../format/fitted-spec.ts";
import { writeRow } from "../../../format/row.ts";
import { blobKey, earlierPointerKey, pageKey } from "../../../format/store.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import type { Listed } from "../../../runtime/encoding-limits.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { randomModel } from "../../../testing/kernel/random-model.ts";
import { createApp } from "../../../worker/app.ts";
import type { JsonList } from "../../../worker/http/json-list.ts";
import { outlineJson } from "../../../worker/http/json-outline.ts";
import { MAX_ENTRIES_PER_REQUEST } from "../../../worker/limits.ts";
import { type Lease, MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import type { LoadedModel } from "../../../worker/models/loaded-model.ts";
import { ModelStore } from "../../../worker/models/model-store.ts";
import { answered } from "../../../worker/routes/answer.ts";
import { chosenModel } from "../../../worker/routes/model-choice.ts";
import { RowStore } from "../../../worker/rows/row-store.ts";
import { type ScoreRequest, type ScoreResult, scoreRequest } from "../../../worker/scoring/score-request.ts";
import { sharedBy } from "../../../worker/shared.ts";
import type { Source } from "../../../worker/source/source.ts";
import { originOf, warmNone } from "../models/origin.ts";
import { expectedScores, makeModel, type TinyModel } from "../tiny-model.ts";

// Scoring without HTTP, without Hono and without KV: from a source that is a Map.

const ITEMS = [
  { ad: "ad0", tags: ["tag1", "tag250"], price: 12.5 },
  { ad: "ad1", tags: "tag3", price: 9 },
];
const tiny = await makeModel(1, { items: ITEMS });
const CONTEXT = { site: "site57", device: "phone" };
const WHOLE = ITEMS.map((item) => ({ ...CONTEXT, ...item }));

/** A source of published models. It has pages as bytes, not as text. */
function sourceOf({ model, version, blob, pages }: TinyModel): Source & { values: Map<string, Uint8Array> } {
  const values = new Map<string, Uint8Array>([
    [earlierPointerKey(), new TextEncoder().encode(JSON.stringify({ model, version }))],
    [blobKey(version), blob],
    ...pages.map(({ bytes, digest }) => [pageKey(digest), bytes] as const),
  ]);
  return {
    values,
    async stream(key) {
      const bytes = values.get(key);
      return bytes ? new Response(bytes.slice()).body : null;
    },
    async pages(keys) {
      return new Map(keys.map((key) => [key, values.get(key) ?? null]));
    },
  };
}

const memory = new MemoryBudget(Date.now);
const source = sourceOf(tiny);

function keepAlive(): void {}

async function load(from: Source): Promise<LoadedModel> {
  return new ModelStore(bestKernelModule(), memory, warmNone, Date.now).current(originOf(from), keepAlive);
}

const model = await load(source);

async function score(
  request: ScoreRequest,
  from: Source = source,
  deadlineMs = 30_000,
  by = model,
): Promise<ScoreResult> {
  const reading = { source: from, deadlineMs, maxKeys: 1000, charge: null, keepAlive };
  const rows = new RowStore(new MemoryBudget(Date.now), Date.now);
  using lease = memory.lease("requests");
  return await scoreRequest(request, { model: by, rows, ...reading, lease });
}

test("records score as the kernel scores them, with logits, identity and cost", async () => {
  const result = await score({ records: WHOLE });
  expect(Array.from(result.scores)).toEqual(await expectedScores(tiny, WHOLE));
  result.logits.forEach((logit, i) => {
    expect(1 / (1 + Math.exp(-logit))).toBeCloseTo(result.scores[i], 6);
  });
  expect(result).toMatchObject({ model: "tiny", version: tiny.version, missing: null });
  expect(result.pagesRead).toBeGreaterThan(0);
  expect(Object.keys(result.timings)).toEqual(["encode", "rows", "kernel"]);
});

test("candidates and items of the catalogue score as their whole records do", async () => {
  const expected = await expectedScores(tiny, WHOLE);
  const ranked = await score({ context: CONTEXT, candidates: ITEMS });
  expect(Array.from(ranked.scores)).toEqual(expected);
  const items = await score({ context: CONTEXT, items: ["ad1", "ad0"] });
  [expected[1], expected[0]].forEach((one, i) => {
    expect(items.scores[i]).toBeCloseTo(one ?? Number.NaN, 5);
  });
});

test("pages that the source does not have are missing, not an error", async () => {
  const blobOnly = sourceOf({ ...tiny, pages: [] });
  const result = await score({ records: [{ site: "site57" }] }, blobOnly);
  expect(result.missing).toEqual({ rows: 1, reason: "unavailable" });
  expect(Array.from(result.scores)).toEqual(await expectedScores(tiny, [{ site: "site57" }], [0, 1, 2, 3]));
});

// A page that does not come before these tests have ended: what is waited for it shows. Its reader would say later, in
// the test of another file, that it is given up.
const { promise: noPages, resolve: endReads } = Promise.withResolvers<Map<string, Uint8Array>>();
const silent: Source = { ...source, pages: () => noPages };
afterAll(() => endReads(new Map()));
/** Far longer than a test may take. */
const LONG_MS = 9_000;
const SHORT_TEST_MS = 5_000;

test(
  "encoding is taken from the time for rows",
  async () => {
    let late = 0;
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + late);
    const slowlyRead = {
      length: 1,
      *[Symbol.iterator]() {
        yield { site: "site57" };
        late = LONG_MS;
      },
    };
    const result = await score({ records: slowlyRead }, silent, LONG_MS).finally(() => clock.mockRestore());
    expect(result.missing).toEqual({ rows: 1, reason: "deadline" });
  },
  SHORT_TEST_MS,
);

test(
  "parsing a body is taken from the time for rows",
  async () => {
    const app = createApp({ source: () => silent, auth: () => "off", keys: () => "", rowDeadlineMs: () => LONG_MS });
    const call = {
      env: {},
      client: "test",
      request: null,
      keepAlive,
      openBody: () => ({ read: () => Promise.reject(new Error()) }),
    };
    const { result } = await answered(call, sharedBy(app), async () => ({
      body: { records: [{ site: "site57" }] },
      arrivedAt: performance.now() - LONG_MS,
      release() {},
      [Symbol.dispose]() {},
    }));
    expect(result?.missing).toEqual({ rows: 1, reason: "deadline" });
  },
  SHORT_TEST_MS,
);

test.each<[ScoreRequest, string]>([
  [{ records: [{}, { age: 3 }] }, "records[1].age"],
  [{ records: [{ price: 1e30 }] }, "records[0]"],
  [{ context: { ad: "ad0" }, candidates: [] }, "context.ad"],
  [{ context: {}, candidates: [{ price: 1e30 }] }, "candidates[0]"],
  [{ context: {}, items: [""] }, "items[0]"],
])("what breaks the model's contract is the request's fault: %j", async (request, place) => {
  const error = await score(request).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RequestError);
  expect((error as RequestError).place).toBe(place);
});

test("a logit that float32 cannot hold has a score, and no explanation", async () => {
  const drawn = randomModel({ fields: 1, embeddingDim: 4, terms: TERM_LINEAR, rowType: TYPE_F32, hotRows: 0 });
  writeRow(TYPE_F32, 4, Float32Array.of(10, 0, 0, 0, 0), 0, new DataView(drawn.rows.buffer), 0);
  const encoding = { kind: "value", shift: 0, factor: 1 } as const;
  const fields = drawn.spec.fields.map((one) => ({ ...one, name: "n", type: "numeric", encoding }) as FittedField);
  const blob = writeBlob({ ...drawn, spec: { ...drawn.spec, fields } });
  const scorer = new Scorer(placeBlob(bestKernelModule().module, blob));
  const linear = { ...model, scorer };
  const records = [{ n: 3 }, { n: 3e38 }, { n: -3e38 }];
  const { scores, logits } = await score({ records }, source, 0, linear);
  expect([...logits.subarray(1)]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  expect(scores[1]).toBe(1);
  expect(scores[2]).toBeLessThan(1e-30);
  const refused = await score({ records, explain: true }, source, 0, linear).catch((thrown: unknown) => thrown);
  expect((refused as RequestError).all.map(({ place, problem }) => [place, problem])).toEqual(
    [1, 2].map((i) => [`records[${i}]`, "got numbers too large to score, expected a finite logit"]),
  );
});

test("as many candidates as there are cells for are scored, however they are encoded", async () => {
  const fields = 128;
  const drawn = randomModel({ fields, embeddingDim: 4, terms: TERM_LINEAR });
  const wide = { ...model, scorer: new Scorer(placeBlob(bestKernelModule().module, writeBlob(drawn))) };
  const most = MAX_ENTRIES_PER_REQUEST / fields - 1;
  const json = (count: number): Listed<unknown> => {
    const text = `{"list":[${Array(count).fill("{}").join()}]}`;
    return (outlineJson(new TextEncoder().encode(text), ["list"]).parse() as { list: JsonList }).list;
  };
  const values = (count: number): Listed<unknown> => Array.from({ length: count }, () => ({}));
  for (const list of [json, values]) {
    const { scores } = await score({ context: {}, candidates: list(most) }, source, 0, wide);
    expect(scores.length).toBe(most);
    const refused = await score({ context: {}, candidates: list(most + 1) }, source, 0, wide).catch((error) => error);
    expect(refused.message).toBe(
      `candidates: got ${most + 1} of ${fields} fields each, expected at most ${most} in a request`,
    );
  }
});

test("what a source gives in place of a blob is not the request's fault", async () => {
  const broken = sourceOf(tiny);
  broken.values.set(blobKey(tiny.version), tiny.blob.subarray(0, 1000));
  const error = await load(broken).catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(FormatError);
  expect(error).toMatchObject({ name: "ModelUnavailableError" });
});

test("a request that waits, for a model or for rows, is kept alive until its memory is free", async () => {
  const models = new ModelStore(bestKernelModule(), memory, warmNone, Date.now);
  const rows = new RowStore(new MemoryBudget(Date.now), Date.now);
  const waits = {
    model: (kept: Kept) => chosenModel(models, {}, { ...originOf(source), charge: null, ...kept }),
    rows: (kept: Kept) =>
      scoreRequest(
        { records: WHOLE },
        { model, rows, source, deadlineMs: 30_000, maxKeys: 1000, charge: null, ...kept },
      ),
  };
  for (const wait of [waits.model, waits.rows]) {
    const kept: Promise<unknown>[] = [];
    const lease = memory.lease("requests");
    const ends = vi.spyOn(lease, "untilEnd");
    await wait({ lease, keepAlive: (promise) => kept.push(promise) });
    const untilEnd = ends.mock.results[0]?.value;
    expect(kept).toContain(untilEnd);
    lease.end();
    await untilEnd;
    await lease.untilEnd();
  }
});

interface Kept {
  lease: Lease;
  keepAlive: (promise: Promise<unknown>) => void;
}
