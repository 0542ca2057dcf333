import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { fieldSides, type ModelBlob, NO_ITEMS } from "../../../format/blob.ts";
import { TERM_FM, TERM_LINEAR, TYPE_F32 } from "../../../format/constants.ts";
import { EncodedRecords } from "../../../format/encoded-records.ts";
import type { FittedField, FittedSpec } from "../../../format/fitted-spec.ts";
import { compareKeys } from "../../../format/keys.ts";
import { crossText, RecordEncoder } from "../../../format/record.ts";
import { rowStride, writeRow } from "../../../format/row.ts";
import { NO_FILTER } from "../../../format/row-filter.ts";
import { sealBlob } from "../../../format/seal.ts";
import { blobKey } from "../../../format/store.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import { HASH_KEY, rowKeyOf } from "../../../testing/format/hash-key.ts";
import { seeded } from "../../../testing/format/random.ts";
import golden from "../../golden/records.json" with { type: "json" };
import { type ScoreAnswer, startWorker } from "../client.ts";
import { pointTo } from "../tiny-model.ts";

// A Worker prepares the values of a request as training did, and workerd does what Node does.

beforeEach(reset);

interface GoldenCase {
  spec: FittedSpec;
  records: { record: object; offsets: number[]; keys: string[]; values: number[] }[];
}

test("every golden record has its entries in workerd: case, normalization, time zones and patterns", () => {
  const withoutBigint = JSON.parse(JSON.stringify(golden), (_, value) =>
    typeof value?.$bigint === "string" ? BigInt(value.$bigint) : value,
  ) as GoldenCase[];
  let prepared = 0;
  for (const { spec, records } of withoutBigint) {
    const encoder = new RecordEncoder(spec);
    for (const { record, offsets, keys, values } of records) {
      const out = new EncodedRecords();
      encoder.encodeObject(record, out, "record");
      const got = Array.from(out.keys.subarray(0, 2 * out.entries)).map((word) => word.toString(16).padStart(8, "0"));
      const name = `${JSON.stringify(spec.fields)} ${Object.values(record)}`;
      expect(got.map((_, i) => (i % 2 === 0 ? `${got[i + 1]}${got[i]}` : "")).filter(Boolean), name).toEqual(keys);
      expect(Array.from(out.values.subarray(0, out.entries)), name).toEqual(values);
      expect(Array.from(out.offsets.subarray(0, offsets.length)), name).toEqual(offsets);
      if (spec.fields.some(({ prepare }) => prepare)) prepared++;
    }
  }
  expect(prepared).toBeGreaterThan(200);
});

const plain = { kv: false, missing: "own", type: "categorical", encoding: { kind: "vocabulary" } } as const;
const SPEC: FittedSpec = {
  name: "prepared",
  label: "click",
  hashKey: HASH_KEY,
  fields: [
    { ...plain, name: "country", side: "context", prepare: ["trim", "upper"] },
    { ...plain, name: "hour", side: "context", from: "ts", prepare: [{ time: "hour", zone: "Europe/Berlin" }] },
    { ...plain, name: "brand", side: "item", from: "brand_name", prepare: ["lower", { missing: ["nan"] }] },
    { ...plain, name: "both", side: "item", cross: ["country", "brand"] },
  ] satisfies FittedField[],
};

/** A model with a row for each value that the records here have. */
async function publishPrepared(): Promise<string> {
  const random = seeded(3);
  const texts: [string, string][] = [
    ...["DE", "FR", ""].map((text): [string, string] => ["country", text]),
    ...["0", "1", "2", "3", ""].map((text): [string, string] => ["hour", text]),
    ...["acme", "zeta", ""].map((text): [string, string] => ["brand", text]),
    ...["DE", "FR"].flatMap((country) =>
      ["acme", "zeta"].map((brand): [string, string] => ["both", crossText(country, brand)]),
    ),
    ["both", ""],
  ];
  const D = 4;
  const row = (): Uint8Array => {
    const bytes = new Uint8Array(rowStride(TYPE_F32, D));
    writeRow(
      TYPE_F32,
      D,
      Float32Array.from({ length: D + 1 }, () => random() - 0.5),
      0,
      new DataView(bytes.buffer),
      0,
    );
    return bytes;
  };
  const rows = texts
    .map(([field, text]) => ({ ...rowKeyOf(field, text), bytes: row() }))
    .sort((a, b) => compareKeys(a.lo, a.hi, b.lo, b.hi));
  const all = [...SPEC.fields.map(row), ...rows.map(({ bytes }) => bytes)];
  const model: ModelBlob = {
    ...{ spec: SPEC, producer: "prepared", rowType: TYPE_F32, embeddingDim: D, terms: TERM_LINEAR | TERM_FM },
    ...{ fmDim: D, mlpFrom: 0, products: 0, innerScale: 1, outerScale: 1, bias: 0.25 },
    ...{ sides: fieldSides(SPEC), contextLayers: 0, itemLayers: 0, layers: [], outputWeights: new Float32Array(0) },
    keys: Uint32Array.from(rows.flatMap(({ lo, hi }) => [lo, hi])),
    rows: Uint8Array.from(all.flatMap((bytes) => [...bytes])),
    ...{ pageDigests: new Uint8Array(0), items: NO_ITEMS, filter: NO_FILTER },
    ...{ evidence: {}, golden: { tolerance: 1e-4, records: [] } },
  };
  const blob = writeBlob(model);
  const version = await sealBlob(blob);
  await env.MODELS.put(blobKey(version), blob);
  await pointTo(env.MODELS, { model: SPEC.name, version });
  return version;
}

async function scores(response: Response): Promise<number[]> {
  expect(response.status).toBe(200);
  return (await response.json<ScoreAnswer>()).scores;
}

describe("requests", () => {
  beforeEach(async () => {
    await publishPrepared();
  });

  test("raw cells score as the prepared ones do", async () => {
    const worker = startWorker();
    const [raw, same, other] = await scores(
      await worker.score({
        records: [
          { country: " de ", ts: "2024-03-31T00:30:00Z", brand_name: "ACME" },
          { country: "DE", ts: "2024-03-31 01:59", brand_name: "acme" },
          { country: "DE", ts: "2024-03-31T01:30:00Z", brand_name: "acme" },
        ],
      }),
    );
    expect(raw).toBe(same);
    expect(raw).not.toBe(other); // the clocks go from 2 to 3
  });

  test("candidates with a cross of both sides rank as their whole records score", async () => {
    const worker = startWorker();
    const candidates = [{ brand_name: "ACME" }, { brand_name: "Zeta" }, { brand_name: "NaN" }, {}];
    for (const context of [{ country: "de", ts: 1_711_846_800 }, { country: "fr" }, {}]) {
      const ranked = await scores(await worker.post("/v1/rank", { context, candidates, sort: false }));
      const records = candidates.map((candidate) => ({ ...context, ...candidate }));
      const whole = await scores(await worker.score({ records }));
      ranked.forEach((score, i) => {
        expect(score).toBeCloseTo(whole[i] as number, 6);
      });
      if ("country" in context) expect(new Set(ranked.slice(0, 3)).size).toBe(3);
    }
  });

  test.each([
    [{ records: [{}, { hour: 7 }] }, 'records[1].hour: got a field\'s name, expected "ts", which the field is made of'],
    [{ records: [{ both: 7 }] }, 'records[0].both: got a field\'s name, expected "country" and "brand_name", which'],
    [{ records: [{ ts: "soon" }] }, 'records[0].ts: got "soon", expected a date or time of ISO 8601'],
  ])("%j is refused with the place", async (body, detail) => {
    const response = await startWorker().score(body);
    expect(response.status).toBe(422);
    expect(JSON.stringify(await response.json())).toContain(
      JSON.stringify(detail.split(": ").slice(1).join(": ")).slice(1, -1),
    );
  });

  test("/v1/models says which columns a record has, and an example of one that scores", async () => {
    const worker = startWorker();
    const { models } = await (await worker.fetch("/v1/models")).json<{
      models: { fields: object[]; example: object }[];
    }>();
    expect(models[0]?.fields).toEqual([
      { name: "country", type: "categorical", side: "context", prepare: ["trim", "upper"] },
      {
        ...{ name: "hour", type: "categorical", side: "context", from: "ts" },
        prepare: [{ time: "hour", zone: "Europe/Berlin" }],
      },
      {
        name: "brand",
        type: "categorical",
        side: "item",
        from: "brand_name",
        prepare: ["lower", { missing: ["nan"] }],
      },
      { name: "both", type: "categorical", side: "item", cross: ["country", "brand"] },
    ]);
    expect(models[0]?.example).toEqual({ country: "text", ts: "2024-12-31T23:59:00Z", brand_name: "text" });
    await scores(await worker.score({ records: [models[0]?.example] }));
  });
});
