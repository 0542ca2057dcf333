import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { WRANGLER_CONFIG, wrangler } from "../../deploy/wrangler.ts";

// What `wrangler deploy` would upload: the Worker, and nothing of the trainer.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** By file name. */
const uploaded = new Map<string, Buffer>();
beforeAll(async () => {
  await wrangler(["deploy", "--env", "", "--dry-run", "--outdir", folder]);
  for (const file of readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name)))
    uploaded.set(file, readFileSync(join(folder, file)));
}, 120_000);

const scripts = (): string[] =>
  [...uploaded].filter(([file]) => file.endsWith(".js")).map(([, bytes]) => String(bytes));

/**
 * KiB of gzip: 140 of script, which is the Worker's own code, Hono, valibot, GrowthBook's library (11), the OpenAPI
 * document (4) and the playground (12), and 32 of kernels. Workers takes 3 MiB, but an isolate parses the script before
 * it answers its first request. The ceiling leaves room for features, and none for a library that slips in.
 */
const CEILING_KIB = 174;

/** What is looked at of a configuration. */
interface Config {
  name: string;
  kv_namespaces: { binding: string }[];
  ratelimits: { name: string; namespace_id: string }[];
  vars: Record<string, unknown>;
}

function configOf(env: string): Config {
  return unstable_readConfig({ config: WRANGLER_CONFIG, env });
}

describe("the Worker's configuration", () => {
  test.each([
    ["", "deepfm-edge"],
    ["staging", "deepfm-edge-staging"],
    ["production", "deepfm-edge-production"],
  ])("environment %j has all bindings, and asks for a namespace of its own", async (environment, name) => {
    const config = configOf(environment);
    expect(config.name).toBe(name);
    expect(config.kv_namespaces).toEqual([{ binding: "MODELS" }]);
    const base = configOf("");
    expect(config.vars).toEqual(base.vars);
    expect(config.ratelimits.map((limit) => ({ ...limit, namespace_id: "" }))).toEqual(
      base.ratelimits.map((limit) => ({ ...limit, namespace_id: "" })),
    );
  });

  test("has no rate limit that two Workers share", () => {
    const ids = ["", "staging", "production"].flatMap((env) =>
      configOf(env).ratelimits.map(({ namespace_id: id }) => id),
    );
    expect(new Set(ids).size).toBe(3);
  });

  test("is what the Deploy button asks for: each binding and secret is described, none that is not there", () => {
    const { bindings } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).cloudflare;
    const { kv_namespaces, ratelimits, vars } = configOf("");
    const secrets =
      readFileSync(new URL("../../.dev.vars.example", import.meta.url), "utf8").match(/^\w+(?==)/gm) ?? [];
    expect(Object.keys(bindings).sort()).toEqual(
      [
        ...kv_namespaces.map(({ binding }) => binding),
        ...ratelimits.map(({ name }) => name),
        ...Object.keys(vars),
        ...secrets,
      ].sort(),
    );
  });
});

describe("the Worker's bundle", () => {
  test("is one script and the three kernels", () => {
    expect([...uploaded.keys()].filter((file) => file.endsWith(".js"))).toEqual(["index.js"]);
    expect([...uploaded.keys()].filter((file) => file.endsWith(".wasm"))).toHaveLength(3);
  });

  test.each(["DuckDB", "duckdb", "FTRL", "ftrl", "adagrad", "maxEpochs", "batchNorm", "quantiles", "tfjs"])(
    "holds no %s, which is the trainer's",
    (word) => {
      for (const script of scripts()) expect(script.includes(word)).toBe(false);
    },
  );

  test("holds what the Worker says, so that the words above are looked for in the right place", () => {
    expect(scripts().join("")).toContain("/v1/score");
    expect(scripts().join("")).toContain("multi-categorical");
  });

  test("stays small", () => {
    const bytes = [...uploaded.values()].reduce((sum, file) => sum + gzipSync(file).length, 0);
    expect(bytes).toBeLessThan(CEILING_KIB * 1024);
    console.log(`Worker upload: ${(bytes / 1024).toFixed(1)} KiB gzipped`);
  });
});
