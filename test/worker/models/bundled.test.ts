import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { BUNDLED_TIMEOUT_MS, LOAD_RETRY_MS } from "../../../worker/limits.ts";
import { loggedErrors, PATIENCE, problemOf, type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny, type TinyModel } from "../tiny-model.ts";
import { failingKv, withBundled } from "./bundled-worker.ts";

// The rungs of the ladder below a model of the store: the one that was deployed with the Worker, and
// the caller's order.

const HOT = [{ site: "site3", device: "phone" }, { price: 4 }];
const bundled = await makeModel(1);
const published = await makeModel(2);
const SCORES = await expectedScores(bundled, HOT);

beforeEach(reset);

async function scored(worker: TestWorker, choice: object = {}): Promise<ScoreAnswer & { bundled?: true }> {
  const response = await worker.score({ records: HOT, ...choice });
  expect(response.status).toBe(200);
  return response.json();
}

const byBundled = { scores: SCORES, model: "tiny", version: bundled.version, bundled: true };
const byPublished = async () => ({
  ...{ scores: await expectedScores(published, HOT), model: "tiny", version: published.version },
});

test("a new isolate scores with the bundled model before it has read KV, and then with the published one", async () => {
  await publishTiny(env.MODELS, published);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const worker = startWorker(withBundled(bundled, { MODELS: failingKv(() => released) }));
  const first = worker.score({ records: HOT });
  await vi.waitFor(
    async () => expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="bundled"} 1\n'),
    PATIENCE,
  );
  release();
  expect(await (await first).json()).toEqual(byBundled);
  expect(await scored(worker)).toEqual(await byPublished());
  const ready = await (await worker.asAdmin("/readyz")).json<{ models: object[]; fallbacks: object }>();
  expect(ready.models).toMatchObject([{ model: "tiny", version: published.version }]);
  expect(ready.models[0]).not.toHaveProperty("bundled");
  expect(ready.fallbacks).toEqual({ default: 0, bundled: 1, order: 0 });
});

test("where KV fails, the bundled model goes on serving under its name, and readyz says why", async () => {
  loggedErrors();
  let isDown = true;
  const down = failingKv(async () => {
    if (isDown) throw new Error("KV is down");
  });
  const worker = startWorker(withBundled(bundled, { MODELS: down }));
  for (const choice of [{}, { model: "tiny" }, { model: `tiny@${bundled.version}` }])
    expect(await scored(worker, choice)).toEqual(byBundled);
  expect((await worker.score({ records: HOT, model: "ads" })).status).toBe(503);
  expect(await scored(worker, { model: "ads", fallback: "default" })).toMatchObject({
    ...{ bundled: true, fallback: { from: "ads", reason: "the model ads cannot be loaded; the log says why" } },
  });
  const ready = await (await worker.asAdmin("/readyz")).json<{ status: string; models: object[] }>();
  expect(ready).toMatchObject({ status: "ready", version: bundled.version });
  expect(ready.models[0]).toMatchObject({ reference: "default", bundled: true, problem: "Error: KV is down" });
  expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="bundled"} 4\n');

  isDown = false;
  await publishTiny(env.MODELS, published);
  worker.clock.ms += LOAD_RETRY_MS;
  await scored(worker);
  expect(await scored(worker)).toEqual(await byPublished());
});

test("the published version that is the bundled one is not read from KV", async () => {
  await publishTiny(env.MODELS, bundled);
  const read: string[] = [];
  const worker = startWorker(withBundled(bundled, { MODELS: failingKv(async (key) => void read.push(String(key))) }));
  await scored(worker);
  const { bundled: _, ...plain } = byBundled;
  expect(await scored(worker)).toEqual(plain);
  expect(read.filter((key) => key.startsWith("blob/"))).toEqual([]);
});

test("a bundled blob that is broken, or not there, is as none", async () => {
  const errors = loggedErrors();
  const broken: TinyModel = { ...bundled, blob: bundled.blob.slice(0, 900) };
  const worker = startWorker(withBundled(broken));
  expect((await worker.score({ records: HOT })).status).toBe(503);
  expect(errors().map(({ event }) => event)).toContain("bundled_load_failed");
  await publishTiny(env.MODELS, published);
  for (const other of [startWorker(withBundled(broken)), startWorker(withBundled(null))])
    expect(await scored(other)).toEqual(await byPublished());
});

test("a site of one page, which stands for what is not there, is no bundled model", async () => {
  const errors = loggedErrors();
  await publishTiny(env.MODELS, published);
  const page = { headers: { "content-type": "text/html; charset=utf-8" } };
  const worker = startWorker({ ASSETS: { fetch: async () => new Response("<!doctype html><p>A shop</p>", page) } });
  expect(await scored(worker)).toEqual(await byPublished());
  expect(errors()).toEqual([]);
});

test("a bundled blob that never comes does not keep the published model from serving", async () => {
  const errors = loggedErrors();
  await publishTiny(env.MODELS, published);
  const asked = Promise.withResolvers<void>();
  const fetch = (): Promise<Response> => {
    asked.resolve();
    return new Promise(() => {});
  };
  const worker = startWorker({ ASSETS: { fetch } });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const answer = worker.score({ records: HOT });
  await asked.promise;
  await vi.advanceTimersByTimeAsync(BUNDLED_TIMEOUT_MS + 1000);
  vi.useRealTimers();
  // The request has not waited so long; it was kept alive until the published model was there.
  expect((await answer).status).toBe(503);
  expect(await scored(worker)).toEqual(await byPublished());
  expect(errors()).toEqual([
    expect.objectContaining({ event: "bundled_load_failed", error: "Error: got no asset in 5000 ms" }),
  ]);
});

test("where models must be signed, the bundled one must be, and what was signed before it does not serve", async () => {
  const errors = loggedErrors();
  const { privateKey, publicKey } = await generateKeys();
  const key = await readSigningKey(privateKey, "key");
  const [old, now] = [await makeModel(2, { key, serial: 1000 }), await makeModel(1, { key, serial: 2000 })];
  const keys = { MODEL_KEYS: publicKey };
  expect((await startWorker(withBundled(bundled, keys)).score({ records: HOT })).status).toBe(503);
  const later = { ...keys, MODEL_MIN_SERIAL: "tiny=1001" };
  expect((await startWorker(withBundled(old, later)).score({ records: HOT })).status).toBe(503);
  expect(JSON.stringify(errors())).toContain("serial number 1000, expected 1001 or later");
  expect(await scored(startWorker(withBundled(now, later)))).toMatchObject({ version: now.version, bundled: true });
  await publishTiny(env.MODELS, old);
  const worker = startWorker(withBundled(now, keys));
  for (let i = 0; i < 2; i++) expect(await scored(worker)).toMatchObject({ version: now.version, bundled: true });
  expect(JSON.stringify(errors())).toContain("serial number 1000, expected 2000 or later");

  await publishTiny(env.MODELS, now);
  const ahead = startWorker(withBundled(old, keys));
  for (const choice of [{ model: "tiny" }, {}]) {
    const answer = await scored(ahead, choice);
    expect([answer.version, answer.bundled]).toEqual([now.version, undefined]);
  }
});

test("a ranking that allows it keeps its own order where no model can score it", async () => {
  loggedErrors();
  const worker = startWorker({
    MODELS: failingKv(async () => {
      throw new Error("KV is down");
    }),
  });
  const candidates = [{ ad: "ad1" }, { ad: "ad0" }, { ad: "ad2" }];
  const rank = (more: object) => worker.post("/v1/rank", { candidates, ...more });
  const reason = "the published model cannot be loaded; the log says why";
  const fallback = { from: "default", to: "order", reason };
  const kept = await rank({ ids: ["c", "a", "b"], k: 2, fallback: "order" });
  expect([kept.status, await kept.json()]).toEqual([
    ...[
      200,
      {
        items: [
          { id: "c", rank: 1 },
          { id: "a", rank: 2 },
        ],
        fallback,
      },
    ], // prettier-ignore
  ]);
  const named = await rank({ model: "ads", objective: "ecpm", bids: [1, 2, 3], fallback: ["default", "order"] });
  expect(await named.json()).toEqual({
    items: [0, 1, 2].map((id) => ({ id, rank: id + 1 })),
    fallback: { ...fallback, from: "ads" },
  });
  const { retryAfter, status } = { retryAfter: kept.headers.get("retry-after"), status: (await rank({})).status };
  expect([retryAfter, status]).toEqual([null, 503]);
  expect((await rank({ model: "ads", fallback: "default" })).headers.get("retry-after")).toBe("5");
  expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="order"} 2\n');

  const wrong = await problemOf(await rank({ fallback: "orders" }));
  expect(wrong.detail).toBe('fallback: got "orders", expected "default", "order" or ["default", "order"]');
  const contradicting = await problemOf(await rank({ fallback: "order", sort: false }));
  expect(contradicting.detail).toContain('fallback: got "order" with "sort": false');
  expect((await problemOf(await worker.score({ records: HOT, fallback: "order" }))).status).toBe(422);

  const broken = ['"candidates": [{"ad": }]', '"candidates": [{"ad": "ad1"},]', '"candidates": [1 2]'];
  for (const members of [
    ...broken,
    '"candidates": [{"ad": "ad1"}], "context": {"os": }',
    '"candidates": [{"ad": "ad1"}], "context": ',
  ]) {
    const refused = await problemOf(await worker.post("/v1/rank", `{${members}, "fallback": "order"}`));
    expect(refused.type, members).toBe("urn:deepfm-edge:problem:not-json");
  }
  const without = async (body: object): Promise<unknown> => {
    const { status, errors } = await problemOf(await worker.post("/v1/rank", { ...body, fallback: "order" }));
    return [status, errors];
  };
  for (const context of [null, 5, "os", [], [{}], true]) {
    const detail = `got ${JSON.stringify(context)}, expected an object of fields`;
    expect(await without({ candidates, context })).toEqual([422, [{ pointer: "/context", detail }]]);
    expect(await without({ items: ["a"], context })).toEqual([422, [{ pointer: "/context", detail }]]);
  }
  for (const candidate of [null, 5, "ad1", []]) {
    const detail = `got ${JSON.stringify(candidate)}, expected an object of fields`;
    expect(await without({ candidates: [{ ad: "ad1" }, candidate] })).toEqual([
      ...[422, [{ pointer: "/candidates/1", detail }]],
    ]);
  }
  expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="order"} 2\n');
});

test("the rung above the caller's order is taken where it is there", async () => {
  loggedErrors();
  const worker = startWorker(withBundled(bundled));
  const body = { model: "ads", candidates: [{ ad: "ad1" }, { ad: "ad0" }], fallback: ["default", "order"] };
  await publishTiny(env.MODELS, published);
  const unknown = await worker.post("/v1/rank", body);
  expect(unknown.status).toBe(404);
  const { model: _, ...unnamed } = body;
  expect(await (await worker.post("/v1/rank", unnamed)).json()).toMatchObject({ model: "tiny", items: [{}, {}] });
});
