import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wrangler } from "../../deploy/wrangler.ts";

// What `wrangler deploy` would upload: the Worker, and nothing of the trainer.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** By file name. */
const uploaded = new Map<string, Buffer>();
beforeAll(async () => {
  await wrangler(["deploy", "--dry-run", "--outdir", folder]);
  for (const file of readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name)))
    uploaded.set(file, readFileSync(join(folder, file)));
}, 120_000);

const scripts = (): string[] =>
  [...uploaded].filter(([file]) => file.endsWith(".js")).map(([, bytes]) => String(bytes));

/**
 * KiB of gzip: 46 of script, which is Hono, valibot and the Worker's own code, and 25 of kernels. Workers takes 3 MiB,
 * but an isolate parses the script before it answers its first request. The ceiling leaves room for features, and none
 * for a library that slips in.
 */
const CEILING_KIB = 80;

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
