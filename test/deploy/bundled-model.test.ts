import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { bundleModel } from "../../deploy/bundled-model.ts";
import { startDevServer } from "../../deploy/dev-server.ts";
import { WRANGLER_CONFIG } from "../../deploy/wrangler.ts";
import { saveGoldenExport } from "./golden-export.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bundled-"));
afterAll(() => rmSync(folder, { recursive: true }));
const main = join(WRANGLER_CONFIG, "..", "worker", "index.ts");

/** A configuration of the Worker with these lines in its table of assets. */
function configOf(name: string, assets: string): string {
  const config = join(folder, `${name}.toml`);
  const rule = '[[rules]]\ntype = "CompiledWasm"\nglobs = ["**/*.wasm"]\nfallthrough = true\n';
  const kv = '[[kv_namespaces]]\nbinding = "MODELS"\nid = "bundled"\n';
  const vars = '[vars]\nAUTH = "off"\n';
  const head = `name = "${name}"\nmain = ${JSON.stringify(main)}\ncompatibility_date = "2026-10-20"\n`;
  writeFileSync(config, `${head}${vars}${kv}${rule}${assets}`);
  return config;
}

it("a Worker scores with the model that `bundle` put among its assets, and lets nobody download it", async () => {
  const exported = await saveGoldenExport(join(folder, "export"), "tiny");
  const assets = '[assets]\ndirectory = "public"\nbinding = "ASSETS"\nrun_worker_first = true\n';
  const config = configOf("shop", assets);
  await (await makeProgram()).parseAsync(["bundle", join(folder, "export"), "--config", config], { from: "user" });
  const file = join(folder, "public", "bundled", "model.blob");
  expect(Buffer.compare(readFileSync(file), exported.blob)).toBe(0);

  await using server = await startDevServer(config);
  const post = (path: string, body: object): Promise<Response> =>
    fetch(new URL(path, server.url), {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
    });
  const response = await post("/v1/score", { records: [{ site: "news", price: 12 }] });
  expect(await response.json()).toEqual({
    ...{ scores: [expect.closeTo(0.9483474, 5)], model: "tiny", version: exported.version, bundled: true },
  });
  for (const path of ["/bundled/model.blob", "/bundled/"])
    expect((await fetch(new URL(path, server.url))).status).toBe(404);
}, 300_000);

it("is refused where the Worker has no such assets, or would show them", async () => {
  const blob = new Uint8Array(8);
  for (const [name, assets, problem] of [
    ["none", "", "got no static assets, expected a table [assets] with directory"],
    ["unbound", '[assets]\ndirectory = "public"\n', "got the binding none of static assets"],
    ["open", '[assets]\ndirectory = "public"\nbinding = "ASSETS"\n', "so that anyone could download the model"],
  ] as const)
    await expect(bundleModel(blob, { config: configOf(name, assets) })).rejects.toThrow(problem);
});

it("is refused where it is longer than a static asset may be, before a deployment is", async () => {
  const assets = '[assets]\ndirectory = "long"\nbinding = "ASSETS"\nrun_worker_first = true\n';
  const config = configOf("long", assets);
  const most = 25 * 2 ** 20;
  await expect(bundleModel(new Uint8Array(most + 1), { config })).rejects.toThrow(
    `got a blob of ${most + 1} bytes, expected at most ${most}, which the largest static asset has`,
  );
  expect(existsSync(join(folder, "long"))).toBe(false);
});
