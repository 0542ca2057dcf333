import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { pageDigest } from "../../../format/page.ts";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { blobKey, pageKey, pointerKey } from "../../../format/store.ts";
import { POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import page from "../../golden/tiny.page.bin";
import blobOfFormat4 from "../../golden/v4/tiny.blob.bin";
import { type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";

// The Worker takes blobs of the present format, 5, and of the one before, so that Workers can be rolled out before
// models.

const RECORDS = [{ site: "site57", tags: "tag1|tag77", device: "phone", price: 4 }];
const old = await makeModel(1, { format: 4 });
const present = await makeModel(1);

beforeEach(reset);

test("the golden blob of format 4 serves, under the pointer and the version that it was published with", async () => {
  const version = "c6874a2b98b9b922fd36d4d27fabcc6ff3592369db83fa263b68eb1f322b7845";
  await env.MODELS.put(pageKey(await pageDigest(new Uint8Array(page))), new Uint8Array(page).toBase64());
  await env.MODELS.put(blobKey(version), blobOfFormat4);
  await env.MODELS.put(pointerKey(), JSON.stringify({ model: version }));
  const response = await startWorker().score({
    records: [
      { site: "news", price: 12 },
      { site: "shop", price: "12" },
    ],
  });
  const answer = await response.json<ScoreAnswer>();
  expect(answer).toEqual({ scores: [expect.any(Number), expect.any(Number)], model: "tiny", version });
  // The score of the first record in test/golden/tiny.scores.json.
  expect(answer.scores[0]).toBeCloseTo(0.9483474, 5);
});

test("a blob of format 4 is replaced by one of format 5, and back", async () => {
  expect(old.blob.slice(128)).toEqual(present.blob.slice(128));
  expect(old.version).not.toBe(present.version);
  const worker = startWorker();
  const scores = await expectedScores(present, RECORDS);
  await publishTiny(env.MODELS, old);
  for (const next of [present, old]) {
    const answer = await (await worker.score({ records: RECORDS })).json();
    expect(answer).toEqual({ scores, model: "tiny", version: next === present ? old.version : present.version });
    await publishTiny(env.MODELS, next);
    worker.clock.ms += POINTER_MAX_AGE_MS;
    await worker.score({ records: RECORDS });
    expect((await (await worker.score({ records: RECORDS })).json<ScoreAnswer>()).version).toBe(next.version);
  }
});

test.each([4, 5])("a signature in format %i is checked where keys are set", async (format) => {
  const { privateKey, publicKey } = await generateKeys();
  const signed = await makeModel(1, { format, key: await readSigningKey(privateKey, "key") });
  await publishTiny(env.MODELS, signed);
  const worker = startWorker({ MODEL_KEYS: publicKey });
  expect((await (await worker.score({ records: RECORDS })).json<ScoreAnswer>()).version).toBe(signed.version);
});

test.each([3, 6])("a blob of format %i is refused", async (format) => {
  await env.MODELS.put(blobKey("0".repeat(64)), edited(format));
  await env.MODELS.put(pointerKey(), JSON.stringify({ model: "tiny", version: "0".repeat(64) }));
  const response = await startWorker().asAdmin("/readyz");
  expect(await response.json()).toMatchObject({
    status: 503,
    cause: `FormatError: blob: header: got version ${format}, expected 4 or 5`,
  });
});

function edited(format: number): Uint8Array {
  const blob = present.blob.slice();
  new DataView(blob.buffer).setUint32(4, format, true);
  return blob;
}
