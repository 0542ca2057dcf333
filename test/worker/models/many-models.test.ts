import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { writeHistory } from "../../../format/history.ts";
import { writeDefault } from "../../../format/pointer.ts";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { blobKey, defaultKey, historyKey, pointerKey } from "../../../format/store.ts";
import { LOAD_RETRY_MS, POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import {
  kvKeys,
  loggedErrors,
  PATIENCE,
  problemOf,
  type ScoreAnswer,
  startWorker,
  type TestWorker,
} from "../client.ts";
import { expectedScores, makeModel, pointerTo, storeTiny, type TinyModel } from "../tiny-model.ts";

// Several models in one isolate. They are all of the name tiny; the store has them as ads and news.

const RECORDS = [{ site: "site57", tags: "tag1|tag77", device: "phone", price: 4 }, { site: "site3" }];
const [v1, v2, v3] = await Promise.all([1, 2, 3].map((seed) => makeModel(seed)));
if (!v1 || !v2 || !v3) throw new Error("no models");
const VERSIONS: readonly TinyModel[] = [v1, v2, v3];
const SCORES = new Map<string, number[]>();
for (const model of VERSIONS) SCORES.set(model.version, await expectedScores(model, RECORDS));

beforeEach(async () => {
  await reset();
  vi.spyOn(console, "log").mockImplementation(() => {});
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  for (const model of VERSIONS) await storeTiny(env.MODELS, model);
  await point("ads", v1);
  await point("news", v2);
  await env.MODELS.put(defaultKey(), writeDefault("ads"));
});

async function point(name: string, { version }: { version: string }, deadline?: number): Promise<void> {
  await env.MODELS.put(pointerKey(name), pointerTo(version, deadline));
}

async function remember(name: string, ...models: TinyModel[]): Promise<void> {
  const history = models.map(({ version, blob }) => ({ version, time: 1, metrics: {}, bytes: blob.length, note: "" }));
  await env.MODELS.put(historyKey(name), writeHistory(history));
}

/** The answer to RECORDS, which must be scored as its version scores them, bit for bit. */
async function scored(worker: TestWorker, choice: object = {}): Promise<ScoreAnswer & { fallback?: object }> {
  const response = await worker.score({ records: RECORDS, ...choice });
  expect(response.status).toBe(200);
  const answer = await response.json<ScoreAnswer>();
  expect(answer.scores).toEqual(SCORES.get(answer.version));
  return answer;
}

async function refused(worker: TestWorker, choice: object): Promise<{ status: number; detail: string }> {
  const response = await worker.score({ records: RECORDS, ...choice });
  const { detail } = await problemOf(response);
  if (response.status === 503) expect(response.headers.get("retry-after")).toBe("5");
  return { status: response.status, detail };
}

/** The KV namespace, which does `before` before each read. */
function readingWith(before: (keys: string | string[]) => Promise<void>): KVNamespace {
  const get = async (keys: string, options: "text"): Promise<unknown> => {
    await before(keys);
    return env.MODELS.get(keys, options);
  };
  return new Proxy(env.MODELS, { get: (kv, name) => (name === "get" ? get : Reflect.get(kv, name)) });
}

test("models that take turns each score as themselves, and without a name the default does", async () => {
  const worker = startWorker();
  for (let i = 0; i < 60; i++) {
    const name = ["ads", "news", undefined][i % 3];
    const { model, version } = await scored(worker, { model: name });
    expect([model, version]).toEqual(name === "news" ? ["news", v2.version] : ["ads", v1.version]);
  }
  const ranked = await worker.post("/v1/rank", { model: "news", context: {}, candidates: [{ ad: "ad1" }] });
  expect(await ranked.json()).toMatchObject({ model: "news", version: v2.version });

  const { models } = await (await worker.fetch("/v1/models")).json<{ models: Record<string, unknown>[] }>();
  expect(models.map(({ model, version, default: first = false }) => [model, version, first])).toEqual([
    ...[
      ["ads", v1.version, true],
      ["news", v2.version, false],
    ],
  ]);
  for (const shown of models)
    expect(Object.keys(shown).filter((key) => key !== "default")).toEqual(["model", "version", "fields", "example"]);
  const metrics = await worker.metrics();
  expect(metrics).toContain(`nv_inference_request_success{model="news",version="${v2.version}"} 21\n`);
  expect(metrics).toMatch(
    new RegExp(`deepfm_edge_model_memory_bytes\\{model="news",version="${v2.version}"\\} \\d{5}`),
  );
  expect(metrics).toContain('deepfm_edge_model_loads_total{result="loaded"} 2\n');
});

test("names that the store does not have are told from texts that are no names, and asked for once in a while", async () => {
  let reads = 0;
  const counted = readingWith(async () => {
    reads++;
  });
  const worker = startWorker({ MODELS: counted });
  await scored(worker);
  const unknown = { status: 404, detail: "model: got adz, expected the name of a published model" };
  for (const fallback of [undefined, "default"])
    expect(await refused(worker, { model: "adz", fallback })).toEqual(unknown);
  expect(await refused(worker, { model: `ads@${v3.version}` })).toEqual({
    ...{ status: 404, detail: `model: got ads@${v3.version}, expected a version that was published of ads` },
  });
  const before = reads;
  for (let i = 0; i < 5; i++) expect((await refused(worker, { model: "adz" })).status).toBe(404);
  expect(reads).toBe(before);
  expect(await (await worker.asAdmin("/readyz")).text()).not.toContain("adz");
  for (const model of ["Ads!", "", "ads@", "@", `ads@${v1.version.slice(0, 12)}`, `ads@${v1.version}@`, 7, null, {}])
    expect(await refused(worker, { model })).toMatchObject({
      status: 422,
      detail: expect.stringContaining("model: got"),
    });
  expect(await refused(worker, { model: "ads", fallback: "news" })).toEqual({
    ...{ status: 422, detail: 'fallback: got "news", expected "default"' },
  });

  await point("adz", v3);
  worker.clock.ms += LOAD_RETRY_MS;
  expect(await scored(worker, { model: "adz" })).toMatchObject({ model: "adz", version: v3.version });
});

test("a model that cannot be loaded is a 503, or falls back to the default where the request allows it", async () => {
  await env.MODELS.put(blobKey(v2.version), v2.blob.subarray(0, 1000));
  const errors = loggedErrors();
  const worker = startWorker();
  const reason = "the model news cannot be loaded; the log says why";
  expect(await refused(worker, { model: "news" })).toEqual({ status: 503, detail: reason });
  expect(errors()[0]).toMatchObject({ event: "model_load_failed", model: "news", serving: null });
  expect(await scored(worker, { model: "news", fallback: "default" })).toMatchObject({
    ...{ model: "ads", version: v1.version, fallback: { from: "news", reason } },
  });
  expect(await scored(worker, { model: "ads", fallback: "default" })).not.toHaveProperty("fallback");
  const body = { records: [{ colour: 1 }], model: "news", fallback: "default" };
  expect((await worker.score(body)).status).toBe(422);
  // What was refused is no answer of the default model.
  expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="default"} 1\n');
  const ready = await (await worker.asAdmin("/readyz")).json();
  expect(ready).toMatchObject({
    status: "ready",
    models: [
      { reference: "default", model: "ads", version: v1.version },
      { reference: "news", model: null, problem: expect.stringContaining("got 1000 bytes, expected") },
      { reference: "ads", model: "ads", version: v1.version },
    ],
    loads: { loaded: 1, failed: 1, refused: 0, evicted: 0 },
  });

  await storeTiny(env.MODELS, v2);
  worker.clock.ms += LOAD_RETRY_MS;
  expect(await scored(worker, { model: "news", fallback: "default" })).toMatchObject({ model: "news" });
});

test("a named model serves where the default is broken", async () => {
  await point("ads", { version: "0".repeat(64) });
  loggedErrors();
  const worker = startWorker();
  expect((await refused(worker, {})).status).toBe(503);
  expect(await scored(worker, { model: "news" })).toMatchObject({ version: v2.version });
  expect(await (await worker.fetch("/v1/models")).json()).toMatchObject({ models: [{ model: "news" }] });
});

test("a request that allows the default does not wait for a load, which goes on", async () => {
  const { promise: delay, resolve: go } = Promise.withResolvers<void>();
  const slow = readingWith(async (keys) => {
    if (keys === blobKey(v2.version)) await delay;
  });
  const worker = startWorker({ MODELS: slow });
  await scored(worker);
  const answer = worker.score({ records: RECORDS, model: "news", fallback: "default" });
  // The client's answer comes before the load; the helper waits for what goes on after it, too.
  await vi.waitFor(
    async () => expect(await worker.metrics()).toContain('deepfm_edge_fallbacks_total{to="default"} 1\n'),
    PATIENCE,
  );
  go();
  expect(await (await answer).json()).toMatchObject({
    ...{ model: "ads", fallback: { from: "news", reason: "the model news is still loading" } },
  });
  expect(await scored(worker, { model: "news", fallback: "default" })).toMatchObject({ version: v2.version });
});

test("a version that is pinned serves beside the one that the pointer names, and shares its memory if it is the same", async () => {
  await remember("ads", v2, v1);
  const worker = startWorker();
  await scored(worker, { model: "ads" });
  const { taken } = await worker.memory();
  expect(await scored(worker, { model: `ads@${v1.version}` })).toMatchObject({ model: "ads", version: v1.version });
  expect((await worker.memory()).taken.models).toBe(taken.models);
  expect(await scored(worker, { model: `ads@${v2.version}` })).toMatchObject({ model: "ads", version: v2.version });
  expect((await worker.memory()).taken.models).toBe(2 * taken.models);

  await point("ads", v3);
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await scored(worker, { model: "ads" });
  expect(await scored(worker, { model: "ads" })).toMatchObject({ version: v3.version });
  expect(await scored(worker, { model: `ads@${v1.version}` })).toMatchObject({ version: v1.version });
});

test("a model is replaced under load, while the others serve, and no request fails or mixes versions", async () => {
  const worker = startWorker();
  const seen = new Set<string>();
  for (let swap = 0; swap < 12; swap++) {
    const next = VERSIONS[swap % 3] ?? v1;
    await point("news", next);
    worker.clock.ms += POINTER_MAX_AGE_MS;
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => scored(worker, { model: ["news", "ads"][i % 2] })),
    );
    for (const { model, version } of answers) {
      if (model === "ads") expect(version).toBe(v1.version);
      else seen.add(version);
    }
    expect(await scored(worker, { model: "news" })).toMatchObject({ version: next.version });
  }
  expect(seen.size).toBe(3);
  // What was replaced has given its memory back: ads and news alone are left, the same version or two.
  const { models } = await (await worker.asAdmin("/readyz")).json<{ models: { memoryBytes: number }[] }>();
  expect((await worker.memory()).taken.models).toBeLessThan(3 * (models[0]?.memoryBytes ?? 0));
});

test("what names no model and what names the default one change together", async () => {
  const worker = startWorker();
  await scored(worker);
  await scored(worker, { model: "ads" });
  await point("ads", v3);
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await scored(worker, { model: "ads" });
  expect(await scored(worker)).toMatchObject({ version: v3.version });
  expect(await scored(worker, { model: "ads" })).toMatchObject({ version: v3.version });

  await env.MODELS.put(defaultKey(), writeDefault("news"));
  worker.clock.ms += POINTER_MAX_AGE_MS;
  expect(await scored(worker)).toMatchObject({ model: "ads" });
  expect(await scored(worker)).toMatchObject({ model: "news", version: v2.version });
});

test("an older pointer is not followed, and a rollback is a newer one", async () => {
  const older = pointerTo(v1.version);
  await point("ads", v2);
  const worker = startWorker();
  const after = async (): Promise<string> => {
    worker.clock.ms += POINTER_MAX_AGE_MS;
    await scored(worker);
    return (await scored(worker)).version;
  };
  expect(await after()).toBe(v2.version);
  await env.MODELS.put(pointerKey("ads"), older);
  expect(await after()).toBe(v2.version);
  await point("ads", v1);
  expect(await after()).toBe(v1.version);
  loggedErrors();
  await env.MODELS.delete(pointerKey("ads"));
  expect(await after()).toBe(v1.version);
  await env.MODELS.put(pointerKey("ads"), "{");
  expect(await after()).toBe(v1.version);
});

test("a model's deadline is its pointer's, and changes without a load", async () => {
  await point("news", v2, 0);
  const slow = readingWith(async (keys) => {
    if (Array.isArray(keys)) await new Promise((resolve) => setTimeout(resolve, 30));
  });
  const worker = startWorker({ MODELS: slow });
  const late = await (await worker.score({ records: RECORDS, model: "news" })).json<ScoreAnswer>();
  expect(late.degraded?.reason).toBe("deadline");
  await point("news", v2, 20_000);
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await worker.score({ records: [], model: "news" });
  const cold = await worker.score({ records: [{ site: "site100" }, { site: "site201" }], model: "news" });
  expect(await cold.json()).not.toHaveProperty("degraded");
  const { loads } = await (await worker.asAdmin("/readyz")).json<{ loads: object }>();
  expect(loads).toMatchObject({ loaded: 2, failed: 0 });
});

test("a version that requests name has its model's deadline as it is now, and is looked up in the history once", async () => {
  await remember("news", v3, v2);
  await point("news", v2, 50);
  const asked: (string | string[])[] = [];
  const worker = startWorker({ MODELS: readingWith(async (keys) => void asked.push(keys)) });
  const models = [v2, v3].map(({ version }) => `news@${version}`);
  const deadlines = async (): Promise<unknown[]> => {
    for (const model of models) await scored(worker, { model });
    const { models: shown } = await (await worker.asAdmin("/readyz")).json<{ models: { deadlineMs: number }[] }>();
    return shown.slice(1).map(({ deadlineMs }) => deadlineMs);
  };
  expect(await deadlines()).toEqual([50, 50]);
  const after = async (put: Promise<void>): Promise<unknown[]> => {
    await put;
    worker.clock.ms += POINTER_MAX_AGE_MS;
    await deadlines();
    return deadlines();
  };
  expect(await after(point("news", v2, 70))).toEqual([70, 70]);
  expect(await after(point("news", v1))).toEqual([null, null]);
  expect(await after(env.MODELS.put(pointerKey("news"), "{"))).toEqual([null, null]);
  expect(await after(env.MODELS.delete(historyKey("news")))).toEqual([null, null]);
  expect(await after(point("news", v1, 90))).toEqual([90, 90]);
  expect(asked.filter((key) => key === historyKey("news"))).toHaveLength(1);
});

test("models share the pages that they have in common", async () => {
  const twin = await makeModel(1, { padding: 64 });
  expect(twin.version).not.toBe(v1.version);
  await storeTiny(env.MODELS, twin);
  await point("twin", twin);
  const worker = startWorker();
  const body = { records: [{ site: "site57" }] };
  expect(kvKeys(await worker.score({ ...body, model: "ads" }))).toBe(1);
  expect(kvKeys(await worker.score({ ...body, model: "twin" }))).toBe(0);
});

test("where models must be signed, one serves under the name that was signed alone", async () => {
  const { privateKey, publicKey } = await generateKeys();
  const signed = await makeModel(1, { key: await readSigningKey(privateKey, "key") });
  SCORES.set(signed.version, await expectedScores(signed, RECORDS));
  await storeTiny(env.MODELS, signed);
  for (const name of ["tiny", "ads"]) await point(name, signed);
  const errors = loggedErrors();
  const worker = startWorker({ MODEL_KEYS: publicKey });
  expect(await scored(worker, { model: "tiny" })).toMatchObject({ version: signed.version });
  expect((await refused(worker, { model: "ads" })).status).toBe(503);
  expect(errors()[0]?.error).toContain(
    `models/ads: model: got "ads", expected "tiny" as in blob ${signed.version}, which is signed`,
  );
});

test("a client may look up as many names as its rate limit allows, and models that serve cost none", async () => {
  let calls = 0;
  const worker = startWorker({
    ROW_RATE_LIMIT: { limit: async () => ({ success: ++calls <= 1 }) },
  } as Parameters<typeof startWorker>[0]);
  expect((await worker.score({ records: [], model: "news" })).status).toBe(200);
  expect((await worker.score({ records: [], model: "adz" })).status).toBe(429);
  expect((await worker.score({ records: [], model: "news" })).status).toBe(200);
  expect((await worker.score({ records: [] })).status).toBe(200);
  expect(calls).toBe(2);
});
