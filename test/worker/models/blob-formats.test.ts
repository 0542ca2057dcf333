import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { pageDigest } from "../../../format/page.ts";
import { generateKeys, readSigningKey } from "../../../format/signature.ts";
import { blobKey, earlierPointerKey, pageKey } from "../../../format/store.ts";
import { POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import blobOfFormat4 from "../../golden/v4/tiny.blob.bin";
import blobOfFormat5 from "../../golden/v5/tiny.blob.bin";
import pageOfFormat5 from "../../golden/v5/tiny.page.bin";
import blobOfFormat6 from "../../golden/v6/tiny.blob.bin";
import pageOfFormat6 from "../../golden/v6/tiny.page.bin";
import blobOfFormat7 from "../../golden/v7/tiny.blob.bin";
import pageOfFormat7 from "../../golden/v7/tiny.page.bin";
import { type ScoreAnswer, startWorker } from "../client.ts";
import { expectedScores, makeModel, pointTo, publishTiny } from "../tiny-model.ts";

// The Worker takes blobs of the present format, 8, and of the four before, so that Workers can be rolled out before
// models.

const RECORDS = [{ site: "site57", tags: "tag1|tag77", device: "phone", price: 4 }];
const old = await makeModel(1, { format: 5 });
const present = await makeModel(1);

beforeEach(reset);

test.each([
  [4, blobOfFormat4, pageOfFormat5, "c6874a2b98b9b922fd36d4d27fabcc6ff3592369db83fa263b68eb1f322b7845"],
  [5, blobOfFormat5, pageOfFormat5, "04f5ea81eec78761cc48ad226f545c2bcfd9924f959f68238549b016b186b767"],
  [6, blobOfFormat6, pageOfFormat6, "2745271fd0085ab8a3ee7070c187b6a1a8b6a37aaa5186960bcb6bbfe9e7258d"],
  [7, blobOfFormat7, pageOfFormat7, "60555a43a0500255f00557599244333e48e4104bfd4c55c23d7d389be542ef7f"],
])(
  "the golden blob of format %i serves, under the version that it was published with",
  async (format, blob, page, version) => {
    await env.MODELS.put(pageKey(await pageDigest(new Uint8Array(page))), new Uint8Array(page).toBase64());
    await env.MODELS.put(blobKey(version), blob);
    const pointer = format === 4 ? { model: version } : { model: "tiny", version };
    await env.MODELS.put(earlierPointerKey(), JSON.stringify(pointer));
    const response = await startWorker().score({
      records: [
        { site: "news", price: 12 },
        { site: "shop", price: "12" },
      ],
    });
    const answer = await response.json<ScoreAnswer>();
    expect(answer).toEqual({ scores: [expect.any(Number), expect.any(Number)], model: "tiny", version });
    // The scores of the first two records in test/golden/tiny.scores.json: a row of the blob, and one of the page.
    expect(answer.scores[0]).toBeCloseTo(0.9483474, 5);
    expect(answer.scores[1]).toBeCloseTo(0.930583, 5);
  },
);

test("a blob of format 5 is replaced by one of format 8, whose row keys are other ones, and back", async () => {
  expect(await expectedScores(old, RECORDS)).toEqual(await expectedScores(present, RECORDS));
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

test.each([4, 5, 6, 7, 8])("a signature in format %i is checked where keys are set", async (format) => {
  const { privateKey, publicKey } = await generateKeys();
  const signed = await makeModel(1, { format, key: await readSigningKey(privateKey, "key") });
  await publishTiny(env.MODELS, signed);
  const worker = startWorker({ MODEL_KEYS: publicKey });
  expect((await (await worker.score({ records: RECORDS })).json<ScoreAnswer>()).version).toBe(signed.version);
});

test.each([3, 9])("a blob of format %i is refused", async (format) => {
  await env.MODELS.put(blobKey("0".repeat(64)), edited(format));
  await pointTo(env.MODELS, { model: "tiny", version: "0".repeat(64) });
  const response = await startWorker().asAdmin("/readyz");
  expect(await response.json()).toMatchObject({
    status: 503,
    cause: `FormatError: blob: header: got version ${format}, expected 4 to 8`,
  });
});

function edited(format: number): Uint8Array {
  const blob = present.blob.slice();
  new DataView(blob.buffer).setUint32(4, format, true);
  return blob;
}
