import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { generateToken, type Scope, writeTokenEntry } from "../../../format/tokens.ts";
import { seeded } from "../../../testing/format/random.ts";
import { referenceScore } from "../../../testing/format/reference.ts";
import { MAX_EXPLAINED_RECORDS } from "../../../worker/limits.ts";
import { explanationBytes } from "../../../worker/scoring/explained.ts";
import { startWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";
import { TRANSPORTS } from "../transports.ts";

const model = await makeModel(1);
const tokens: Record<Scope, string> = { score: generateToken(), explain: generateToken(), admin: generateToken() };
const TOKENS = (
  await Promise.all(Object.entries(tokens).map(([scope, token]) => writeTokenEntry(scope, scope as Scope, token)))
).join(" ");
const worker = startWorker({ TOKENS });

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

interface ExplainAnswer {
  explanations: {
    score: number;
    logit: number;
    bias: number;
    linear: Record<string, number>;
    pairs: { fields: [string, string]; value: number }[];
    deep: number;
    calibration: number;
  }[];
  model: string;
  version: string;
  unseen?: Record<string, number>;
}

function explain(body: unknown, scope: Scope | null = "explain"): Promise<Response> {
  const headers = { "content-type": "application/json", ...(scope && { authorization: `Bearer ${tokens[scope]}` }) };
  return worker.fetch("/v1/explain", { method: "POST", headers, body: JSON.stringify(body) });
}

const RECORDS = [
  { site: "site57", device: "phone", tags: ["tag1", "tag250"], ad: "ad1", price: 12.5 },
  { site: "never seen", tags: "tag3|tag200", price: "9" },
  {},
];
const FIELDS = ["site", "device", "tags", "ad", "price"];

describe.each(TRANSPORTS)("each record over %s", (_, start) => {
  const client = start();

  test("has its score, and terms that add up to its logit", async () => {
    const reply = await client.ask<ExplainAnswer>("explain", { records: RECORDS, unseen: true });
    expect(reply.status).toBe(200);
    expect(reply.keys).toBeGreaterThanOrEqual(0);
    const { explanations, ...about } = reply.answer;
    expect(about).toEqual({ model: "tiny", version: model.version, unseen: { site: 1 } });
    expect(explanations.map(({ score }) => score)).toEqual(await expectedScores(model, RECORDS));
    explanations.forEach(({ logit, bias, linear, pairs, deep, calibration }, i) => {
      expect(Object.keys(linear)).toEqual(FIELDS);
      expect(pairs.map(({ fields }) => fields.join())).toEqual(
        FIELDS.flatMap((a, f) => FIELDS.slice(f + 1).map((b) => `${a},${b}`)),
      );
      const terms = [bias, ...Object.values(linear), ...pairs.map(({ value }) => value), deep, calibration];
      expect(terms.reduce((sum, term) => sum + term)).toBeCloseTo(logit, 5);
      const pages = model.pages.map(({ bytes }) => bytes);
      expect(logit).toBeCloseTo(referenceScore(model.blob, pages, RECORDS[i]).logit, 2);
    });
  });

  test("adds up to the score's logit, in 10,000 generated ones", async () => {
    const random = seeded(11);
    const draw = (n: number): number => Math.floor(n * random());
    const record = (): Record<string, unknown> => ({
      ...(random() < 0.9 && { site: `site${draw(300)}` }),
      ...(random() < 0.9 && { device: ["phone", "desktop", "tv"][draw(3)] }),
      ...(random() < 0.9 && { tags: Array.from({ length: draw(5) }, () => `tag${draw(400)}`) }),
      ...(random() < 0.9 && { ad: `ad${draw(6)}` }),
      ...(random() < 0.9 && { price: draw(4000) / 100 }),
    });
    for (let sent = 0; sent < 10_000; sent += MAX_EXPLAINED_RECORDS) {
      const records = Array.from({ length: MAX_EXPLAINED_RECORDS }, record);
      const { explanations } = (await client.ask<ExplainAnswer>("explain", { records })).answer;
      const { scores } = (await client.ask<{ scores: number[] }>("score", { records })).answer;
      expect(explanations.map(({ score }) => score)).toEqual(scores);
      for (const { score, logit, bias, linear, pairs, deep, calibration } of explanations) {
        const terms = [bias, ...Object.values(linear), ...pairs.map(({ value }) => value), deep, calibration];
        expect(Math.abs(terms.reduce((sum, term) => sum + term) - logit)).toBeLessThan(1e-4);
        expect(Math.abs(1 / (1 + Math.exp(-logit)) - score)).toBeLessThan(1e-6);
      }
    }
  });

  test("differs from another in the terms of the fields that differ", async () => {
    const records = [RECORDS[0], { ...RECORDS[0], device: "desktop" }];
    const [one, other] = (await client.ask<ExplainAnswer>("explain", { records })).answer.explanations;
    const changed = FIELDS.filter((field) => one?.linear[field] !== other?.linear[field]);
    expect(changed).toEqual(["device"]);
    one?.pairs.forEach(({ fields, value }, i) => {
      if (!fields.includes("device")) expect(other?.pairs[i]?.value).toBe(value);
    });
  });

  test("none, none", async () => {
    expect((await client.ask<ExplainAnswer>("explain", { records: [] })).answer.explanations).toEqual([]);
  });

  test("too many are 422, with both numbers", async () => {
    expect((await client.ask("explain", { records: Array(MAX_EXPLAINED_RECORDS).fill({}) })).status).toBe(200);
    const problem = await client.problem("explain", { records: Array(MAX_EXPLAINED_RECORDS + 1).fill({}) });
    expect(problem).toMatchObject({ status: 422, field: "records" });
    expect(problem.detail).toBe("records: got 101 of 5 fields each, expected at most 100 to explain in a request");
  });
});

test.each([
  [null, 403],
  ["score", 403],
  ["explain", 200],
  ["admin", 200],
] as const)("a token of the scope %s is answered %i, even where anyone may score", async (scope, status) => {
  expect((await explain({ records: [{}] }, scope)).status).toBe(status);
});

test("a token that explains may score, and sees nothing that only an admin should", async () => {
  const authorization = `Bearer ${tokens.explain}`;
  const init = { headers: { "content-type": "application/json", authorization } };
  const scored = await startWorker({ AUTH: "", TOKENS }).fetch("/v1/score", {
    ...init,
    method: "POST",
    body: '{"records":[{}]}',
  });
  expect(scored.status).toBe(200);
  expect((await worker.fetch("/metrics", init)).status).toBe(403);
  const { models } = await (await worker.fetch("/v1/models", init)).json<{ models: object[] }>();
  expect(models[0]).not.toHaveProperty("evidence");
});

test("the more fields a model has, the fewer records are explained, and one always is", () => {
  const spec = (fields: number): Parameters<typeof explanationBytes>[1] => ({
    name: "wide",
    label: "label",
    fields: Array.from({ length: fields }, (_, f) => ({
      name: `field${f}`,
      side: "context",
      kv: false,
      type: "categorical",
      encoding: { kind: "vocabulary" },
      missing: "own",
    })),
  });
  expect(explanationBytes(1, spec(256))).toBeLessThan(16 * 2 ** 20);
  expect(() => explanationBytes(2, spec(256))).toThrow("got 2 of 256 fields each, expected at most 1 to explain");
  expect(explanationBytes(40, spec(40))).toBeLessThan(16 * 2 ** 20);
  expect(() => explanationBytes(41, spec(40))).toThrow("expected at most 40");
});
