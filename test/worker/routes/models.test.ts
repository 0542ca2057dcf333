import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { SECTION_SPEC } from "../../../format/constants.ts";
import { sealBlob } from "../../../format/seal.ts";
import { sectionOf, withSection } from "../../../testing/format/edit-blob.ts";
import { HASH_KEY } from "../../../testing/format/hash-key.ts";
import { LOAD_RETRY_MS } from "../../../worker/limits.ts";
import { startWorker } from "../client.ts";
import { GOLDEN_RECORDS, makeModel, publishTiny } from "../tiny-model.ts";

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
  example: { site: "text", device: "text", tags: ["one", "two"], ad: "text", price: 1 },
};

test("no answer and no log shows the hash key", async () => {
  const logged: string[] = [];
  for (const name of ["log", "error", "warn"] as const)
    vi.spyOn(console, name).mockImplementation((...args) => void logged.push(JSON.stringify(args)));
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  expect(new TextDecoder("latin1").decode(good.blob)).toContain(HASH_KEY);
  await publishTiny(env.MODELS, good);
  const worker = startWorker();
  const requests = [
    worker.fetch("/v1/models"),
    worker.asAdmin("/v1/models"),
    worker.asAdmin("/readyz"),
    worker.fetch("/openapi.json"),
    worker.score({ records: [{ site: "site1" }] }),
    worker.score({ records: [{ sites: "site1" }] }),
  ];
  for (const request of requests) expect(await (await request).text()).not.toContain(HASH_KEY);

  // A blob whose key is nearly one: the error must not show it.
  const spec = new TextDecoder().decode(sectionOf(good.blob, SECTION_SPEC)).replace(HASH_KEY, HASH_KEY.toUpperCase());
  const blob = withSection(good.blob, SECTION_SPEC, new TextEncoder().encode(spec));
  await publishTiny(env.MODELS, { ...good, version: await sealBlob(blob), blob });
  const refused = await (await startWorker().asAdmin("/readyz")).text();
  expect(refused).toContain("hashKey: got another text, expected 32 lower-case hex digits");
  expect(refused.toLowerCase()).not.toContain(HASH_KEY);
  expect(logged.join("").toLowerCase()).not.toContain(HASH_KEY);
});

test("who may score sees of the model what a request must say, and no more", async () => {
  await publishTiny(env.MODELS, good);
  const response = await startWorker().fetch("/v1/models");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ models: [{ ...SUMMARY, default: true }] });
});

test("an admin sees all that describes what serves", async () => {
  await publishTiny(env.MODELS, good);
  const response = await startWorker().asAdmin("/v1/models");
  expect(await response.json()).toEqual({
    models: [
      {
        ...{ ...SUMMARY, default: true },
        producer: "tiny-model 1",
        signer: null,
        serial: 0,
        embeddingDim: 4,
        pages: 4,
        blobBytes: good.blob.byteLength,
        memoryBytes: expect.any(Number),
        since: expect.stringMatching(/^2026-01-01T00:00:00\.\d{3}Z$/),
        deadlineMs: null,
        goldenRecords: 2,
        examples: GOLDEN_RECORDS,
        items: null,
        evidence: { provenance: { seed: 1 } },
        kernel: expect.stringMatching(/^(relaxed|simd|scalar)$/),
        loadedAt: "2026-01-01T00:00:00.000Z",
      },
    ],
  });
});
