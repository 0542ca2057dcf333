import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalServer, startDevServer } from "../../deploy/dev-server.ts";
import { FolderStore } from "../../deploy/kv/folder-store.ts";
import { openLocalKv } from "../../deploy/kv/local-kv.ts";
import { Publication } from "../../deploy/publication.ts";
import { publish } from "../../deploy/publish.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { Page, type PageLayout } from "../../format/page.ts";
import { packedPagesKey, pageKey } from "../../format/store.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { pagedModel, textOf } from "../../testing/kernel/paged-model.ts";
import { UserError } from "../../trainer/errors.ts";

// One Worker in workerd, which reads a model from static assets, from R2 and from KV of this machine. In the stores one
// page is broken.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-sources-"));
afterAll(() => rmSync(folder, { recursive: true }));
const models = join(folder, "assets", "models");

/** The assets are also those of a site, which has its one page in place of what is not there. */
const ONE_PAGE = "single-page-application";
const PAGES = 8;
const BROKEN = 3;
const { exported, item, context } = await pagedModel({ pages: PAGES, values: 300 });
const { version } = exported;
const scorer = new Scorer(placeBlob(kernelModule(), exported.blob));
const layout: PageLayout = scorer.manifest;
const records = Array.from({ length: 40 }, (_, i) => ({ [item]: textOf(i), [context]: textOf(i + 20) }));

/** The scores with all pages at hand but some, and how many rows that leaves out. */
function expected(without: readonly number[]): { scores: number[]; rowsMissing: number } {
  const pages = new Map(exported.pages.map(({ bytes }, i) => [i, new Page(bytes, layout, i)] as const));
  for (const page of without) pages.delete(page);
  const { scores, rowsMissing } = scorer.score(scorer.locate(scorer.encode(records)), pages);
  return { scores: Array.from(scores), rowsMissing };
}

function fileOf(key: string): string {
  return join(models, key);
}

let server: LocalServer;
beforeAll(async () => {
  const config = join(folder, "wrangler.json");
  const main = fileURLToPath(new URL("../worker/sources-worker.ts", import.meta.url));
  const bindings = {
    kv_namespaces: [{ binding: "MODELS", id: "models" }],
    r2_buckets: [{ binding: "BUCKET", bucket_name: "models" }],
    assets: { directory: "assets", binding: "ASSETS", run_worker_first: true, not_found_handling: ONE_PAGE },
    rules: [{ type: "CompiledWasm", globs: ["**/*.wasm"], fallthrough: true }],
  };
  writeFileSync(config, JSON.stringify({ name: "sources", main, compatibility_date: "2026-10-20", ...bindings }));
  await publish(exported, { folder: models, packed: true });
  writeFileSync(join(models, "..", "index.html"), "<!doctype html><p>A shop</p>");

  // In each store, the page is damaged where it lies.
  const key = pageKey(exported.pages[BROKEN].digest);
  const text = Buffer.from(exported.pages[BROKEN].bytes).fill(7, 100, 110).toString("base64");
  await new FolderStore(models, false).putTexts([{ key, value: text }]);
  await using kv = await openLocalKv(config);
  await new Publication(kv).run(exported);
  await kv.putTexts([{ key, value: text }]);
  await kv[Symbol.asyncDispose]();
  server = await startDevServer(config);
  const packed = readFileSync(fileOf(packedPagesKey(version)));
  packed.fill(7, (BROKEN * packed.length) / PAGES + 100, (BROKEN * packed.length) / PAGES + 110);
  await put(packedPagesKey(version), packed);
  for (const name of readdirSync(models, { recursive: true, withFileTypes: true })) {
    const path = join(name.parentPath, name.name).slice(models.length + 1);
    if (name.isFile() && !/^pages?\//.test(path)) await put(path, readFileSync(fileOf(path)));
  }
}, 120_000);
afterAll(() => server?.[Symbol.asyncDispose]());

async function put(key: string, body: Uint8Array): Promise<void> {
  const response = await fetch(new URL(`/bucket/${key}`, server.url), { method: "PUT", body: new Uint8Array(body) });
  expect(response.status).toBe(200);
}

describe.each(["assets", "r2", "kv"])("from %s", (source) => {
  const score = (): Promise<Response> =>
    fetch(new URL(`/${source}/v1/score`, server.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ records }),
    });

  it("a model and its pages are read, but one that is broken, and rows are kept", async () => {
    const first = await score();
    const { scores, rowsMissing } = expected([BROKEN]);
    const answer = { scores, model: exported.model, version, degraded: { rows: rowsMissing, reason: "unavailable" } };
    expect([first.status, await first.json()]).toEqual([200, answer]);
    expect(first.headers.get("server-timing")).toMatch(
      /^kv;desc="8", blob;desc="0", isolate;desc="0", source;desc="\d/,
    );

    const again = await score();
    expect(await again.json()).toEqual(answer);
    const found = 2 * records.length - rowsMissing;
    expect(again.headers.get("server-timing")).toContain(
      `kv;desc="0", blob;desc="0", isolate;desc="${found}", source;`,
    );
  });

  it("what is not there is not found", async () => {
    const body = JSON.stringify({ model: "absent", records: [] });
    const headers = { "content-type": "application/json" };
    const response = await fetch(new URL(`/${source}/v1/score`, server.url), { method: "POST", headers, body });
    expect([response.status, (await response.json()).type]).toEqual([404, "urn:deepfm-edge:problem:unknown-model"]);
  });
});

it("a folder is a store: pages are files of bytes, and a page that is damaged is repaired", async () => {
  const page = exported.pages[BROKEN];
  const published = await publish(exported, { folder: models }, { repair: true });
  expect(published).toEqual({ uploaded: 0, present: PAGES, repaired: 1, pinnedTo: null, byDefault: exported.model });
  expect(readFileSync(fileOf(pageKey(page.digest)))).toEqual(Buffer.from(page.bytes));
  const store = new FolderStore(models, false);
  const registry = new ModelRegistry(store);
  expect(await registry.default()).toBe(exported.model);
  expect((await registry.history(exported.model)).map((publication) => publication.version)).toEqual([version]);
  const keys = await store.keys(pageKey(new Uint8Array(0)));
  expect(keys).toEqual(new Set(exported.pages.map(({ digest }) => pageKey(digest))));
  expect((await store.texts(["default", "page/none"])).get("page/none")).toBeNull();
  expect(await store.keys("none/")).toEqual(new Set());
});

it("packed pages lie in places of equal size, in the order of their numbers", () => {
  const packed = readFileSync(fileOf(packedPagesKey(version)));
  const placeBytes = packed.length / PAGES;
  expect(placeBytes).toBe(Math.max(...exported.pages.map(({ bytes }) => bytes.length)));
  exported.pages.forEach(({ bytes }, page) => {
    const place = packed.subarray(page * placeBytes, (page + 1) * placeBytes);
    expect(place.subarray(0, bytes.length)).toEqual(Buffer.from(bytes));
    expect(place.subarray(bytes.length).every((byte) => byte === 0)).toBe(true);
  });
});

it("a file is no folder of models", () => {
  const file = join(folder, "wrangler.json");
  expect(existsSync(file)).toBe(true);
  expect(() => new FolderStore(file, false)).toThrow(
    new UserError(`${file}: got a file, expected a folder for published models`),
  );
});
