import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { blobKey } from "../../../format/store.ts";
import { writePatch } from "../../../format/write-patch.ts";
import { LOAD_RETRY_MS, POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import { loggedErrors, startWorker, type TestWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny, storeTiny } from "../tiny-model.ts";

// A version whose blob the store has as a patch of another version's. Both are longer than what is read at a time.

const PADDING = 700_000;
const RECORDS = [{ site: "site57", tags: "tag1|tag77", device: "phone", price: 4 }, { site: "site3" }];
const [base, patched, third] = await Promise.all(
  // Of base and patched all rows differ, and of third the length too.
  [0, 0, 1000].map((more, i) => makeModel(i + 1, { padding: PADDING + more })),
);
const patch = patchOf(base, patched);

function patchOf(of: typeof base, model: typeof base): Uint8Array {
  const made = writePatch(of.blob, of.version, model.blob);
  if (made === null) throw new Error("got no patch");
  return made;
}

beforeEach(reset);

/** Publishes the model whose blob is a patch. `value`: what is stored in place of it. */
async function publishPatched(value: Uint8Array = patch): Promise<void> {
  await publishTiny(env.MODELS, { ...patched, blob: value });
}

async function followPointer(worker: TestWorker): Promise<void> {
  worker.clock.ms += POINTER_MAX_AGE_MS;
  await worker.score({ records: [] });
}

test("a version that is stored as a patch scores as its blob does, and takes as much memory on the way", async () => {
  expect(patch.length).toBeLessThan(4000);
  const whole = startWorker();
  await publishTiny(env.MODELS, patched);
  const scores = { scores: await expectedScores(patched, RECORDS), version: patched.version };
  expect(await (await whole.score({ records: RECORDS })).json()).toMatchObject(scores);

  await storeTiny(env.MODELS, base);
  await publishPatched();
  const cold = startWorker();
  expect(await (await cold.score({ records: RECORDS })).json()).toMatchObject(scores);
  const [memory, other] = [await cold.memory(), await whole.memory()];
  expect(memory.taken.models).toBe(other.taken.models);
  expect(memory.peak).toBe(other.peak);

  // It replaces its own base, and a request names either.
  const worker = startWorker();
  await publishTiny(env.MODELS, base);
  await worker.score({ records: [] });
  await publishPatched();
  await followPointer(worker);
  expect(await (await worker.score({ records: RECORDS })).json()).toMatchObject(scores);
});

test.each<[string, () => Promise<void>, string]>([
  ["the base is missing", () => env.MODELS.delete(blobKey(base.version)), `got no ${blobKey(base.version)}`],
  ["the base is cut short", () => put(base, base.blob.slice(0, 300_000)), "base: got 300000 bytes, expected"],
  ["the base is longer", () => put(base, third.blob), "base: got at least"],
  ["the base is another blob", () => put(base, patched.blob), `expected ${patched.version}`],
  ["the base is a patch", () => put(base, patchOf(third, base)), "a patch is no base"],
  ["the patch is cut short", () => put(patched, patch.slice(0, 500)), "patch: got 500 bytes, expected"],
  ["the patch is longer than it says", () => put(patched, new Uint8Array([...patch, 0])), "patch: got at least"],
  ["the patch is shorter than a header", () => put(patched, patch.slice(0, 63)), "patch: got 63 bytes, expected"],
  [
    "the patch has other bytes",
    () => put(patched, patch.with(200, 255 - (patch[200] ?? 0))),
    `expected ${patched.version}`,
  ],
  ["the patch is of itself", () => put(patched, withBase(patched.version)), "a patch is no base"],
  ["the patch makes too long a blob", () => put(patched, withLength(2 ** 30)), "got length of the blob 1073741824"],
])("where %s, the version before goes on, /readyz says why, and it is tried again", async (_, damage, why) => {
  const errors = loggedErrors();
  const worker = startWorker();
  await publishTiny(env.MODELS, third);
  await worker.score({ records: [] });
  await storeTiny(env.MODELS, base);
  await publishPatched();
  await damage();
  await followPointer(worker);
  const before = { scores: await expectedScores(third, RECORDS), version: third.version };
  expect(await (await worker.score({ records: RECORDS })).json()).toMatchObject(before);
  const ready = await (await worker.asAdmin("/readyz")).json<{ models: { problem?: string }[] }>();
  expect(JSON.stringify(ready.models[0])).toContain("problem");
  expect(errors().map(({ event }) => event)).toEqual(["model_load_failed"]);
  expect(JSON.stringify(errors())).toContain(why);

  await storeTiny(env.MODELS, base);
  await storeTiny(env.MODELS, { ...patched, blob: patch });
  worker.clock.ms += LOAD_RETRY_MS;
  await followPointer(worker);
  expect(await (await worker.score({ records: [] })).json()).toMatchObject({ version: patched.version });
});

function put({ version }: { version: string }, bytes: Uint8Array): Promise<void> {
  return env.MODELS.put(blobKey(version), bytes);
}

function withBase(version: string): Uint8Array {
  const bytes = patch.slice();
  bytes.set(Uint8Array.fromHex(version), 32);
  return bytes;
}

function withLength(length: number): Uint8Array {
  const bytes = patch.slice();
  new DataView(bytes.buffer).setUint32(12, length, true);
  return bytes;
}
