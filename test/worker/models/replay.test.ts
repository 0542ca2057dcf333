import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { writeHistory } from "../../../format/history.ts";
import { writeDefault, writePointer } from "../../../format/pointer.ts";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { type Statement, signStatement } from "../../../format/signed-pointer.ts";
import { defaultKey, historyKey, pointerKey } from "../../../format/store.ts";
import { POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import {
  loggedErrors,
  problemOf,
  type ScoreAnswer,
  startWorker,
  type TestBindings,
  type TestWorker,
} from "../client.ts";
import { makeModel, storeTiny, type TinyModel } from "../tiny-model.ts";

// Whoever can write to KV, and has no key, can let no earlier signed version of a model serve where a later one does.

const RECORDS = [{ site: "site3" }];
const pair = await generateKeys();
const key = await readSigningKey(pair.privateKey, "key");
const other = await readSigningKey((await generateKeys()).privateKey, "other");
const [v1, v2, v3] = [
  await makeModel(1, { key, serial: 1000 }),
  await makeModel(2, { key, serial: 2000 }),
  await makeModel(3, { key, serial: 3000 }),
];
const unnumbered = await makeModel(4, { key, format: 7 });
const KEYS: TestBindings = { MODEL_KEYS: pair.publicKey };
let since = 0;

beforeEach(async () => {
  await reset();
  for (const model of [v1, v2, v3, unnumbered]) await storeTiny(env.MODELS, model);
  await env.MODELS.put(defaultKey(), writeDefault("tiny"));
});

async function point({ version }: TinyModel, signed?: Statement): Promise<void> {
  const pointer = { version, since: ++since, previous: null, ...(signed && { signed }) };
  await env.MODELS.put(pointerKey("tiny"), writePointer(pointer));
}

const signedAt = (serial: number, { version }: TinyModel, by = key): Promise<Statement> =>
  signStatement({ model: "tiny", version }, by, serial);

/** The version that serves once the Worker has looked at the pointer again. */
async function versionOf(worker: TestWorker, choice: object = {}): Promise<string> {
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await worker.score({ records: RECORDS, ...choice });
  const response = await worker.score({ records: RECORDS, ...choice });
  return (await response.json<ScoreAnswer>()).version;
}

async function problemOfDefault(worker: TestWorker): Promise<string | undefined> {
  const ready = await (await worker.asAdmin("/readyz")).json<{ models: { problem?: string }[] }>();
  return ready.models[0]?.problem;
}

test("a later version replaces an earlier one; an earlier one does not come back, and readyz says why", async () => {
  const errors = loggedErrors();
  const worker = startWorker(KEYS);
  for (const next of [unnumbered, v1, v2]) {
    await point(next);
    expect(await versionOf(worker)).toBe(next.version);
  }
  for (const earlier of [v1, unnumbered]) {
    await point(earlier);
    expect(await versionOf(worker)).toBe(v2.version);
    expect(await problemOfDefault(worker)).toMatch(
      new RegExp(
        `^FormatError: models/tiny: got version ${earlier.version} with the serial number (1000|0), expected 2000`,
      ),
    );
  }
  expect(errors().map(({ event }) => event)).toContain("model_load_failed");
  // What serves may be pointed to again, and what is later serves.
  for (const next of [v2, v3]) {
    await point(next);
    expect(await versionOf(worker)).toBe(next.version);
    expect(await problemOfDefault(worker)).toBeUndefined();
  }
  // Where no key is trusted, any pointer is followed.
  expect(await versionOf(startWorker())).toBe(v3.version);
});

test("under each of its names a model is as new: a request that names it sees no earlier version either", async () => {
  loggedErrors();
  const worker = startWorker(KEYS);
  await point(v2);
  expect(await versionOf(worker)).toBe(v2.version);
  await point(v1);
  expect((await worker.score({ records: RECORDS, model: "tiny" })).status).toBe(200);
  expect(await versionOf(worker, { model: "tiny" })).toBe(v2.version);
});

test("a signed rollback goes back, and then what was signed before it does not serve, though it is later", async () => {
  loggedErrors();
  const worker = startWorker(KEYS);
  await point(v3);
  expect(await versionOf(worker)).toBe(v3.version);
  const back = await signedAt(4000, v1);
  await point(v1, back);
  expect(await versionOf(worker)).toBe(v1.version);
  await point(v3);
  expect(await versionOf(worker)).toBe(v1.version);
  expect(await problemOfDefault(worker)).toContain("serial number 3000, expected 4000 or later as of version");
  const forth = await signedAt(5000, v3);
  await point(v3, forth);
  expect(await versionOf(worker)).toBe(v3.version);
  // The rollback cannot be replayed.
  await point(v1, back);
  expect(await versionOf(worker)).toBe(v3.version);
});

test("a rollback's signature is of the model, the version and the serial number, by a trusted key", async () => {
  loggedErrors();
  const worker = startWorker(KEYS);
  await point(v2);
  expect(await versionOf(worker)).toBe(v2.version);
  const place = "FormatError: models/tiny: signed";
  const good = await signedAt(4000, v1);
  const forged: [Statement, string][] = [
    [await signedAt(4000, v1, other), `${place}.key: got ${Buffer.from(other.id).toString("hex")}, expected`],
    [{ ...good, serial: 5000 }, `${place}.signature: got one that is not by the key`],
    [await signedAt(4000, v3), `${place}.signature: got one that is not by the key`],
    [await signStatement({ model: "ads", version: v1.version }, key, 4000), `${place}.signature: got one that`],
  ];
  for (const [signed, problem] of forged) {
    await point(v1, signed);
    expect(await versionOf(worker)).toBe(v2.version);
    expect(await problemOfDefault(worker)).toContain(problem);
  }
  await point(v1, good);
  expect(await versionOf(worker)).toBe(v1.version);
});

test("a version that a request names is served beside a pointer to it whose signature is not by a trusted key", async () => {
  loggedErrors();
  const worker = startWorker({ ...KEYS, MODEL_MIN_SERIAL: "tiny=2000" });
  for (const model of [v2, v1]) {
    await point(model, await signedAt(4000, model, other));
    expect((await worker.score({ records: RECORDS })).status).toBe(503);
    // Nor does such a signature stand in for a blob's own serial number.
    const response = await worker.score({ records: RECORDS, model: `tiny@${model.version}` });
    expect(response.status).toBe(model === v2 ? 200 : 503);
    worker.clock.ms += POINTER_MAX_AGE_MS;
  }
});

test("a new isolate has the least serial number of the settings, which also holds for versions that requests name", async () => {
  loggedErrors();
  const least = { ...KEYS, MODEL_MIN_SERIAL: "ads=9000 tiny=2000" };
  const history = [v1, v2].map(({ version }) => ({ version, time: 1, metrics: {}, bytes: 1, note: "" }));
  await env.MODELS.put(historyKey("tiny"), writeHistory(history));
  await point(v1);
  const worker = startWorker(least);
  const problem = await problemOf(await worker.score({ records: RECORDS }));
  expect(problem).toMatchObject({ status: 503, detail: "the published model cannot be loaded; the log says why" });
  expect((await worker.score({ records: RECORDS, model: `tiny@${v1.version}` })).status).toBe(503);
  expect(await versionOf(worker, { model: `tiny@${v2.version}` })).toBe(v2.version);
  await point(v1, await signedAt(2000, v1));
  expect(await versionOf(startWorker(least))).toBe(v1.version);
  // Without the setting it begins with whatever the pointer has, and a request may name any version of the history.
  await point(v2);
  const other = startWorker(KEYS);
  expect(await versionOf(other)).toBe(v2.version);
  expect(await versionOf(other, { model: `tiny@${v1.version}` })).toBe(v1.version);
  expect(await versionOf(other)).toBe(v2.version);
});

test.each(["tiny", "tiny=", "tiny=1.5", "Tiny=1", "tiny=8640000000000001"])(
  "a setting of %s is refused",
  async (text) => {
    const problem = await problemOf(await startWorker({ ...KEYS, MODEL_MIN_SERIAL: text }).score({ records: RECORDS }));
    expect(problem.detail).toBe(`MODEL_MIN_SERIAL: got "${text}", expected entries such as ads=1767225600000`);
  },
);
