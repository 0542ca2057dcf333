import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { LOAD_RETRY_MS } from "../../../worker/limits.ts";
import { startWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const good = await makeModel(1);

beforeEach(reset);

test("readyz is 503 until a model can be loaded, healthz is always 200", async () => {
  const worker = startWorker();
  expect((await worker.fetch("/healthz")).status).toBe(200);
  const unready = await worker.fetch("/readyz");
  expect(unready.status).toBe(503);
  expect(unready.headers.get("content-type")).toBe("application/problem+json");

  await publishTiny(env.MODELS, good);
  worker.clock.ms += LOAD_RETRY_MS;
  const ready = await worker.fetch("/readyz");
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({ status: "ready", auth: "off", model: "tiny", version: good.version });
  await reset();
  expect((await worker.fetch("/readyz")).status).toBe(200);
});

const SUMMARY = {
  model: "tiny",
  version: good.version,
  fields: [
    { name: "site", type: "categorical", side: "context" },
    { name: "device", type: "categorical", side: "context" },
    { name: "tags", type: "multi-categorical", side: "item" },
    { name: "ad", type: "categorical", side: "item" },
    { name: "price", type: "numeric", side: "item" },
  ],
};

test("who may score sees of the model what a request must say, and no more", async () => {
  await publishTiny(env.MODELS, good);
  const response = await startWorker().fetch("/v1/models");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ models: [SUMMARY] });
});

test("an admin sees all that describes what serves", async () => {
  await publishTiny(env.MODELS, good);
  const response = await startWorker().asAdmin("/v1/models");
  expect(await response.json()).toEqual({
    models: [
      {
        ...SUMMARY,
        producer: "tiny-model 1",
        signer: null,
        embeddingDim: 4,
        pages: 4,
        blobBytes: good.blob.byteLength,
        goldenRecords: 2,
        items: null,
        evidence: { provenance: { seed: 1 } },
        kernel: expect.stringMatching(/^(relaxed|simd|scalar)$/),
        loadedAt: "2026-01-01T00:00:00.000Z",
      },
    ],
  });
});
