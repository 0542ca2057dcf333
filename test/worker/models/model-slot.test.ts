import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { SECTION_ROWS } from "../../../format/constants.ts";
import { writeHistory } from "../../../format/history.ts";
import { sealBlob } from "../../../format/seal.ts";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { blobKey, defaultKey, earlierPointerKey, historyKey, pointerKey } from "../../../format/store.ts";
import { sectionOf } from "../../../testing/format/edit-blob.ts";
import { LOAD_RETRY_MS, POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import { loggedErrors, type ProblemAnswer, type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, pointerTo, pointTo, publishTiny, storeTiny } from "../tiny-model.ts";

const good = await makeModel(1);
const next = await makeModel(2);
const strange = await makeModel(3, { goldenError: 0.01 });
const NO_VERSION = "0".repeat(64);
const RECORDS = [{ site: "site57", tags: "tag1|tag77", device: "phone", price: 4 }];

beforeEach(reset);

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/**
 * Stores `blob` and a pointer to it under `version`. Without one, its digest is put right and its own version is taken.
 */
async function publishBlob(blob: Uint8Array, version?: string): Promise<void> {
  const own = version ?? (await sealBlob(blob));
  await env.MODELS.put(blobKey(own), blob);
  await pointTo(env.MODELS, { model: "tiny", version: own });
}

/** Stores a pointer to the default model. */
async function putPointer(text: string): Promise<void> {
  await env.MODELS.put(pointerKey("tiny"), text);
  await env.MODELS.put(defaultKey(), '{"model":"tiny"}');
}

/** Stores a pointer as earlier publishers did. */
async function putEarlier(pointer: object): Promise<void> {
  await env.MODELS.put(earlierPointerKey(), JSON.stringify(pointer));
}

const BROKEN_MODELS: { what: string; put: () => Promise<unknown>; why: string }[] = [
  {
    what: "the pointer is not JSON",
    put: () => putPointer("{model"),
    why: "models/tiny: not JSON",
  },
  {
    what: "the pointer names no version",
    put: () => putPointer('{"since":1,"previous":null}'),
    why: "models/tiny: version: missing",
  },
  {
    what: "the blob is missing",
    put: () => pointTo(env.MODELS, { model: "tiny", version: NO_VERSION }),
    why: `pointer: got version ${NO_VERSION}, whose blob is missing`,
  },
  {
    what: "the pointer has a version, and members that it should not",
    put: () => putPointer(JSON.stringify({ ...JSON.parse(pointerTo(NO_VERSION)), weight: 1 })),
    why: "models/tiny: weight: unknown key",
  },
  {
    what: "the default names a model that has no pointer",
    put: () => env.MODELS.put(defaultKey(), '{"model":"ads"}'),
    why: "default: got ads, which has no models/ads",
  },
  {
    what: "the default is not one",
    put: () => env.MODELS.put(defaultKey(), '{"model":"Ads!"}'),
    why: 'default: model: got "Ads!", expected a-z',
  },
  {
    what: "the pointer is longer than any",
    put: () => putPointer(" ".repeat(5000)),
    why: "models/tiny: got more than 4096 bytes",
  },
  {
    what: "the blob is cut off",
    put: () => publishBlob(next.blob.subarray(0, 1000), next.version),
    why: `blob: got 1000 bytes, expected ${next.blob.length} as its header says`,
  },
  {
    what: "a bit of the blob is flipped",
    put: () => publishBlob(flipped(next.blob, 900), next.version),
    why: "blob: got the version ",
  },
  {
    what: "the blob is another than its name says",
    put: () => publishBlob(good.blob, next.version),
    why: `blob: got the version ${good.version} from its bytes, expected ${next.version}`,
  },
  {
    what: "the kernel does not score the golden records as they were",
    put: () => publishTiny(env.MODELS, strange),
    why: "blob: section GOLDEN: records[0]: got the logit",
  },
  {
    what: "the blob was cut off before it was named",
    put: () => publishBlob(next.blob.slice(0, 1024)),
    why: "blob",
  },
  {
    what: "a bit was flipped before the blob was named",
    put: () => publishBlob(flipped(next.blob, sectionOf(next.blob, SECTION_ROWS).byteOffset)),
    why: "blob: the kernel refuses it: a section does not match its checksum",
  },
  {
    what: "the blob is no blob",
    put: () => publishBlob(new TextEncoder().encode("<html>"), NO_VERSION),
    why: "blob: got 6 bytes",
  },
];

test.each(BROKEN_MODELS)("where $what, no model serves, and an admin is told why", async ({ put, why }) => {
  await put();
  const errors = loggedErrors();
  const worker = startWorker();
  const response = await worker.score({ records: RECORDS });
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("5");
  const problem = await response.json<ProblemAnswer>();
  expect(problem).toMatchObject({ type: "urn:deepfm-edge:problem:model-unavailable", status: 503 });
  expect(problem.detail).toBe("the published model cannot be loaded; the log says why");
  expect(problem.cause).toBeUndefined();
  expect((await (await worker.asAdmin("/readyz")).json<ProblemAnswer>()).cause).toContain(why);
  expect(errors()[0]).toMatchObject({ event: "model_load_failed", serving: null });
});

test.each(BROKEN_MODELS)("where $what, the model that serves goes on serving", async ({ put, why }) => {
  await publishTiny(env.MODELS, good);
  const worker = startWorker();
  const expected = { scores: await expectedScores(good, RECORDS), model: "tiny", version: good.version };
  expect(await (await worker.score({ records: RECORDS })).json()).toEqual(expected);

  await put();
  const errors = loggedErrors();
  for (let i = 0; i < 3; i++) {
    worker.clock.ms += POINTER_MAX_AGE_MS;
    expect(await (await worker.score({ records: RECORDS })).json()).toEqual(expected);
  }
  expect(errors()).toHaveLength(3);
  expect(errors()[0]).toMatchObject({ event: "model_load_failed", serving: good.version });
  expect(errors()[0]?.error).toContain(why);
});

test("what earlier publishers wrote serves until a store has a default, and no more once that was seen", async () => {
  await storeTiny(env.MODELS, good);
  await storeTiny(env.MODELS, next);
  await putEarlier({ model: "tiny", version: good.version });
  const worker = startWorker();
  const served = async (model?: string): Promise<string> =>
    (await (await worker.score({ records: RECORDS, model })).json<ScoreAnswer>()).version;
  expect(await served()).toBe(good.version);
  expect(await served("tiny")).toBe(good.version);
  expect(await served(`tiny@${good.version}`)).toBe(good.version);
  expect((await worker.score({ records: RECORDS, model: "other" })).status).toBe(404);

  await putEarlier({ model: "other", version: next.version });
  const errors = loggedErrors();
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await served();
  expect(await served()).toBe(good.version);
  expect(errors()[0]?.error).toContain(`model: model: got "other", expected "tiny" as in blob ${next.version}`);

  await pointTo(env.MODELS, next);
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await served();
  expect(await served()).toBe(next.version);
  await env.MODELS.delete(defaultKey());
  await putEarlier({ model: "tiny", version: good.version });
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await served();
  expect(await served()).toBe(next.version);
});

test("a version that a request names does not replace the one that an earlier publisher's pointer names", async () => {
  await storeTiny(env.MODELS, good);
  await storeTiny(env.MODELS, next);
  await putEarlier({ model: "tiny", version: good.version });
  const { version } = next;
  const publication = { version, time: 1, metrics: {}, bytes: next.blob.length, note: "" };
  await env.MODELS.put(historyKey("tiny"), writeHistory([publication]));
  const worker = startWorker();
  const served = async (model?: string): Promise<string> =>
    (await (await worker.score({ records: RECORDS, model })).json<ScoreAnswer>()).version;
  expect(await served()).toBe(good.version);
  expect(await served(`tiny@${version}`)).toBe(version);
  expect(await served()).toBe(good.version);
});

test("where keys are set, only a model that one of them signed serves", async () => {
  const pairs = [await generateKeys(), await generateKeys()];
  const [trusted, other] = await Promise.all(pairs.map(({ privateKey }) => readSigningKey(privateKey, "key")));
  if (!trusted || !other) throw new Error("no keys");
  const MODEL_KEYS = pairs[0]?.publicKey as string;
  const errors = loggedErrors();
  const cause = async (): Promise<string> => {
    const response = await startWorker({ MODEL_KEYS }).asAdmin("/readyz");
    return response.status === 200 ? "serves" : ((await response.json<ProblemAnswer>()).cause ?? "");
  };
  await publishTiny(env.MODELS, good);
  expect(await cause()).toMatch(/: blob: got no signature, expected one by the key [0-9a-f]{32}$/);
  await publishTiny(env.MODELS, await makeModel(1, { key: other }));
  expect(await cause()).toMatch(/: blob: got a signature by the key [0-9a-f]{32}, expected [0-9a-f]{32}$/);
  const signed = await makeModel(1, { key: trusted });
  await publishTiny(env.MODELS, signed);
  expect(await cause()).toBe("serves");
  expect(signed.version).not.toBe(good.version);
  const models = await startWorker({ MODEL_KEYS }).asAdmin("/v1/models");
  expect(await models.json()).toMatchObject({ models: [{ signer: Buffer.from(trusted.id).toString("hex") }] });
  expect(errors()).toHaveLength(2);
});

test("a key that is none is told, and never shown", async () => {
  await publishTiny(env.MODELS, good);
  const errors = loggedErrors();
  const { privateKey } = await generateKeys();
  const worker = startWorker({ MODEL_KEYS: privateKey });
  const answers = [
    await worker.score({ records: RECORDS }),
    await worker.fetch("/readyz"),
    await worker.asAdmin("/readyz"),
  ];
  const texts = await Promise.all(answers.map((response) => response.text()));
  expect(texts[2]).toMatch(/MODEL_KEYS: key 1: got \d+ characters of another form/);
  for (const text of [...texts, JSON.stringify(errors())]) expect(text).not.toMatch(/BEGIN|PRIVATE|MC4CAQ/);
});

test("where KV cannot be read, the answer says so and no more, and the log says why", async () => {
  const failing = new Proxy(env.MODELS, {
    get: () => () => Promise.reject(new Error("KV GET failed: 500 at internal-host")),
  });
  const errors = loggedErrors();
  const response = await startWorker({ MODELS: failing }).score({ records: RECORDS });
  expect(await response.json()).toMatchObject({
    status: 503,
    detail: "the published model cannot be loaded; the log says why",
  });
  expect(errors()[0]).toMatchObject({
    event: "model_load_failed",
    error: "Error: KV GET failed: 500 at internal-host",
  });
});

test("a new pointer is seen once the old one is too old, by the request after the one that sees it", async () => {
  await publishTiny(env.MODELS, good);
  const worker = startWorker();
  const served = async (): Promise<string> =>
    (await (await worker.score({ records: RECORDS })).json<ScoreAnswer>()).version;
  expect(await served()).toBe(good.version);

  await publishTiny(env.MODELS, next);
  worker.clock.ms += POINTER_MAX_AGE_MS - 1;
  expect(await served()).toBe(good.version);
  expect(await served()).toBe(good.version);
  worker.clock.ms += 1;
  expect(await served()).toBe(good.version); // the old one answers; the new one loads meanwhile
  expect(await (await worker.score({ records: RECORDS })).json()).toEqual({
    scores: await expectedScores(next, RECORDS),
    model: "tiny",
    version: next.version,
  });

  // And back: rolling back is one write.
  await pointTo(env.MODELS, good);
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await served();
  expect(await served()).toBe(good.version);
});

test("without a model, the store is asked again only after a while", async () => {
  const worker = startWorker();
  const before = await worker.score({ records: RECORDS });
  expect(await before.json()).toMatchObject({ status: 503, detail: "no model is published" });

  await publishTiny(env.MODELS, good);
  expect((await worker.score({ records: RECORDS })).status).toBe(503);
  worker.clock.ms += LOAD_RETRY_MS;
  expect((await worker.score({ records: RECORDS })).status).toBe(200);
});
