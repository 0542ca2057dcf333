import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { pageKey } from "../../../format/store.ts";
import { type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { makeModel, pageOf, publishTiny } from "../tiny-model.ts";

// The tiny model has rows in pages for site and tags, and all rows of device, ad and price in the blob.

const ITEMS = [{ ad: "ad0", tags: "tag3" }, { ad: "ad1" }];
const model = await makeModel(1, { items: ITEMS });

beforeEach(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

async function unseenOf(body: object, path = "/v1/score", worker = startWorker()): Promise<ScoreAnswer["unseen"]> {
  const response = await worker.post(path, { ...body, unseen: true });
  expect(response.status).toBe(200);
  return (await response.json<ScoreAnswer>()).unseen;
}

/** Names of the series of what was scored. */
const SCORED = /^nv_inference_(request_success|count)|^deepfm_edge_(missing_rows|unseen_values)_total/;

/** Series of /metrics by name and labels. */
async function metricsOf(worker: TestWorker, names: RegExp): Promise<Map<string, number>> {
  const lines = (await worker.metrics()).split("\n").filter((line) => names.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

describe("unseen values in an answer", () => {
  test("are counted by field, wherever a row could have been: in the blob, in a page, behind the filter", async () => {
    const records = [
      { site: "site3", device: "phone", tags: ["tag4", "tag399", "tag-new"], price: 3 },
      { site: "never seen", device: "watch", tags: "tag-new|tag-other|tag5", ad: "ad9" },
      { site: "site57", device: "watch" },
    ];
    expect(await unseenOf({ records })).toEqual({ site: 1, device: 2, tags: 3, ad: 1 });
  });

  test("are the same without a filter, where pages tell", async () => {
    await publishTiny(env.MODELS, await makeModel(2, { filtered: false }));
    const sites = Array.from({ length: 40 }, (_, i) => ({ site: i % 2 ? `site${10 + i}` : `new${i}` }));
    expect(await unseenOf({ records: sites })).toEqual({ site: 20 });
    await publishTiny(env.MODELS, await makeModel(3, { pageCount: 0 }));
    expect(await unseenOf({ records: [{ site: "site57" }, { site: "site3" }] })).toEqual({ site: 1 });
  });

  test("are none where every value has a row, and missing values are none", async () => {
    expect(await unseenOf({ records: [{ site: "site399", tags: "tag399" }, {}, { ad: "", device: null }] })).toEqual(
      {},
    );
    expect(await unseenOf({ records: [] })).toEqual({});
  });

  test("are not those whose page cannot be had: they are degraded", async () => {
    const page = pageOf("site", "site57", model);
    await env.MODELS.delete(pageKey(model.pages[page]?.digest ?? new Uint8Array()));
    const response = await startWorker().score({ records: [{ site: "site57", device: "watch" }], unseen: true });
    expect(await response.json()).toMatchObject({
      degraded: { rows: 1, reason: "unavailable" },
      unseen: { device: 1 },
    });
  });

  test("of a context count once, those of candidates each; known items of the catalogue have none", async () => {
    const context = { site: "never seen" };
    const candidates = [{ ad: "ad7" }, { ad: "ad1", tags: "tag-new" }, { ad: "ad8" }];
    expect(await unseenOf({ context, candidates }, "/v1/rank")).toEqual({ site: 1, ad: 2, tags: 1 });
    expect(await unseenOf({ context, items: ["ad0", "ad1"] }, "/v1/rank")).toEqual({ site: 1 });
    expect(await unseenOf({ context, items: ["ad0", "ad9", "ad9"] }, "/v1/rank")).toEqual({ site: 1, ad: 2 });
  });

  test("are shown only where they are asked for", async () => {
    const worker = startWorker();
    for (const asked of [{}, { unseen: false }]) {
      const answer = await (await worker.score({ records: [{ site: "never seen" }], ...asked })).json();
      expect(answer).not.toHaveProperty("unseen");
    }
    const refused = await worker.score({ records: [], unseen: "yes" });
    expect(refused.status).toBe(422);
    expect((await refused.json<{ detail: string }>()).detail).toContain('unseen: got "yes", expected boolean');
  });
});

describe("GET /metrics", () => {
  test("counts what was scored, and unseen values by field whether they are asked for or not", async () => {
    const worker = startWorker();
    expect(await metricsOf(worker, SCORED)).toEqual(new Map());
    await worker.score({ records: [{ site: "never seen" }, { site: "other" }, { device: "watch" }] });
    await worker.post("/v1/rank", { context: { site: "site3" }, candidates: [{ ad: "ad9" }, {}], unseen: true });
    const { version } = model;
    const tiny = `model="tiny",version="${version}"`;
    expect(await metricsOf(worker, SCORED)).toEqual(
      new Map([
        [`nv_inference_request_success{${tiny}}`, 2],
        [`nv_inference_count{${tiny}}`, 5],
        [`deepfm_edge_missing_rows_total{${tiny}}`, 0],
        [`deepfm_edge_unseen_values_total{${tiny},field="site"}`, 2],
        [`deepfm_edge_unseen_values_total{${tiny},field="device"}`, 1],
        [`deepfm_edge_unseen_values_total{${tiny},field="tags"}`, 0],
        [`deepfm_edge_unseen_values_total{${tiny},field="ad"}`, 1],
        [`deepfm_edge_unseen_values_total{${tiny},field="price"}`, 0],
      ]),
    );
  });

  test("needs the scope admin", async () => {
    expect((await startWorker().fetch("/metrics")).status).toBe(403);
    expect((await startWorker({ AUTH: "" }).fetch("/metrics")).status).toBe(401);
  });
});
