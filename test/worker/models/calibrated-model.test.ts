import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { sha256, toHex } from "../../../format/hash.ts";
import { pageDigest } from "../../../format/page.ts";
import { readManifest } from "../../../format/read-blob.ts";
import { blobKey, pageKey } from "../../../format/store.ts";
import page0 from "../../golden/catalogue.page0.bin";
import page1 from "../../golden/catalogue.page1.bin";
import blob from "../../golden/isotonic.blob.bin";
import { type ScoreAnswer, startWorker } from "../client.ts";
import { pointTo } from "../tiny-model.ts";

// The golden model with a calibration map, as it is served.

// Scores of test/golden/isotonic.scores.json, which are those of the formulas.
const RECORDS: [record: object, score: number][] = [
  [{ site: "news", ad: "boots", hour: 7, price: 12 }, 0.002220256],
  [{ site: "shop", ad: "lamp", hour: 23, price: 3.5 }, 0.2734932],
  [{ site: "shop", ad: "sofa" }, 0.3101994],
  [{}, 0.2689414],
];
const PAIRS: [context: object, item: string, score: number][] = [
  [{ site: "news", hour: 7 }, "lamp", 0.9604157],
  [{ site: "news", hour: 7 }, "sofa", 0.9906656],
  [{ site: "shop", hour: 23 }, "boots", 0.03904895],
  [{ site: "shop", hour: 23 }, "lamp", 0.2734932],
];

beforeEach(async () => {
  await reset();
  const version = toHex(await sha256(new Uint8Array(blob)));
  for (const page of [page0, page1].map((file) => new Uint8Array(file)))
    await env.MODELS.put(pageKey(await pageDigest(page)), page.toBase64());
  await env.MODELS.put(blobKey(version), blob);
  await pointTo(env.MODELS, { model: "catalogue", version });
});

async function scoresOf(path: string, body: object): Promise<number[]> {
  const response = await startWorker().post(path, body);
  expect(response.status).toBe(200);
  return (await response.json<ScoreAnswer>()).scores;
}

test("records, and items of the catalogue with a context, have calibrated scores", async () => {
  expect(readManifest(new Uint8Array(blob)).calibration?.logits).toHaveLength(3);
  const scores = await scoresOf("/v1/score", { records: RECORDS.map(([record]) => record) });
  RECORDS.forEach(([, score], i) => {
    expect(scores[i]).toBeCloseTo(score, 6);
  });
  for (const [context, item, score] of PAIRS)
    expect((await scoresOf("/v1/rank", { context, items: [item], sort: false }))[0]).toBeCloseTo(score, 6);
});

test("candidates rank as they do without the map, however far apart it takes their logits", async () => {
  const context = { site: "news", hour: 7 };
  const candidates = ["boots", "lamp", "sofa", "tent"].flatMap((ad) => [3, 9, 30].map((price) => ({ ad, price })));
  const ranked = await scoresOf("/v1/rank", { context, candidates, sort: false });
  const whole = await scoresOf("/v1/score", { records: candidates.map((item) => ({ ...context, ...item })) });
  expect(ranked).toEqual(whole);
  expect(new Set(ranked).size).toBe(ranked.length);
});
