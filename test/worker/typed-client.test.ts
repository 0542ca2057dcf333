import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { hc } from "hono/client";
import { beforeAll, expect, test } from "vitest";
import type { AppType } from "../../worker/app.ts";
import { startWorker } from "./client.ts";
import { expectedScores, makeModel, publishTiny } from "./tiny-model.ts";

// The compiler checks this file: what Hono's typed client takes and answers is what the routes do.

const model = await makeModel(1);
const worker = startWorker();
const client = hc<AppType>("https://edge.test", {
  fetch: (input: string | URL | Request, init?: RequestInit) => worker.fetch(new URL(String(input)).pathname, init),
});

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

const RECORD = { site: "site57", price: 3, tags: ["tag1", "tag2"], device: null };

test("a scored answer has scores, and a refused one its problem", async () => {
  const response = await client.v1.score.$post({ json: { records: [RECORD] } });
  if (!response.ok) throw new Error(`got ${response.status}`);
  const { scores, version } = await response.json();
  const typed: number[] = scores;
  expect([typed, version]).toEqual([await expectedScores(model, [RECORD]), model.version]);

  const refused = await client.v1.score.$post({ json: { records: [{ price: "ten" }], unseen: true } });
  if (refused.ok) throw new Error("got scores of no number");
  const { status, errors } = await refused.json();
  expect([status, errors?.[0]?.pointer]).toEqual([422, "/records/0/price"]);
});

test("a ranking is one of items, or of scores", async () => {
  const json = {
    context: { site: "a" },
    candidates: [{ price: 3 }],
    ids: ["hat"],
    objective: "ecpm",
    bids: [2],
  } as const;
  const response = await client.v1.rank.$post({ json });
  if (!response.ok) throw new Error(`got ${response.status}`);
  const answer = await response.json();
  if (!("items" in answer && "version" in answer)) throw new Error("got no ranking by a model");
  const [item] = answer.items;
  expect([item?.id, item?.rank, item?.value]).toEqual(["hat", 1, 2 * (item?.score ?? 0)]);
});

test("a model says its fields", async () => {
  const response = await client.v1.models.$get();
  if (!response.ok) throw new Error(`got ${response.status}`);
  const { models } = await response.json();
  expect(models[0]?.fields.map(({ name }) => name)).toEqual(["site", "device", "tags", "ad", "price"]);
});
