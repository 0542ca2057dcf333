// The package as its users have it: packed, installed from the tarball into an empty folder, and used from there.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Miniflare } from "miniflare";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readManifest } from "../../format/read-blob.ts";
import { findChromium, openPage } from "./browser.ts";
import { bytesOf, type Installed, installPackage, ROOT, run, runTool } from "./installed.ts";
import { publishTo, startMounted } from "./mounted-worker.ts";

/** A Worker or a page should install in seconds; TensorFlow.js, DuckDB or workerd alone would be more. */
const MAX_INSTALLED_BYTES = 30 * 2 ** 20;
/** Packing compiles all rooms, and checking a user's program reads all declarations; a busy machine takes minutes. */
const COMPILE_TIMEOUT = 300_000;

const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(join(ROOT, "test", "golden", name)));
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

const blob = golden("tiny.blob.bin");
const { records, tolerance } = readManifest(blob).golden;

function expectGoldenLogits(logits: readonly number[]): void {
  expect(logits).toHaveLength(records.length);
  records.forEach(({ logit }, i) => {
    expect(Math.abs((logits[i] as number) - logit), `records[${i}]`).toBeLessThanOrEqual(tolerance);
  });
}

let installed: Installed;
beforeAll(async () => {
  installed = await installPackage();
}, COMPILE_TIMEOUT);
afterAll(() => installed?.[Symbol.dispose]());

describe("what is packed", () => {
  test("is what was compiled, and what its users read", () => {
    const folders = new Set(installed.packed.map((path) => path.replace(/^(dist\/)?([^/]+)(\/.*)?$/, "$1$2")));
    expect([...folders].sort()).toEqual([
      "LICENSE",
      "README.md",
      "cli",
      "dist/build",
      "dist/cli",
      "dist/deploy",
      "dist/format",
      "dist/lab",
      "dist/package",
      "dist/runtime",
      "dist/trainer",
      "dist/worker",
      "dist/wrangler.toml",
      "examples",
      "format",
      "lab",
      "package.json",
    ]);
    expect(installed.packed.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))).toEqual([]);
    expect(installed.packed.filter((path) => path.endsWith(".wasm"))).toEqual(
      [
        ...["gemm.relaxed", "gemm.simd", "kernel.relaxed", "kernel.scalar", "kernel.simd"],
        ...["train.relaxed", "train.scalar", "train.simd"],
      ].map((name) => `dist/build/${name}.wasm`),
    );
  });

  test("names its version once more, for programs", async () => {
    const printed = await run(installed.folder, process.execPath, [
      "--input-type=module",
      "--eval",
      'import { VERSION } from "deepfm-edge"; console.log(VERSION)',
    ]);
    expect(printed.trim()).toBe(manifest.version);
  });
});

describe("what is installed", () => {
  test("is small", () => {
    expect(bytesOf(join(installed.folder, "node_modules"))).toBeLessThan(MAX_INSTALLED_BYTES);
  });

  test("is the package with its five dependencies, and what one of them needs", () => {
    const lock = JSON.parse(readFileSync(join(installed.folder, "package-lock.json"), "utf8"));
    expect(Object.keys(lock.packages).sort()).toEqual([
      "",
      "node_modules/@growthbook/growthbook",
      "node_modules/@noble/hashes",
      "node_modules/deepfm-edge",
      "node_modules/dom-mutator",
      "node_modules/hono",
      "node_modules/strip-json-comments",
      "node_modules/valibot",
    ]);
  });

  test("has the types of all entries, and no way to internal files", { timeout: COMPILE_TIMEOUT }, async () => {
    const compilerOptions = { module: "nodenext", target: "es2022", strict: true, noEmit: true };
    writeFileSync(join(installed.folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.ts"] }));
    await runTool(installed.folder, "typescript/bin/tsc", ["-p", "."]);
  });
});

describe("the command", () => {
  const command = (...args: string[]) =>
    run(installed.folder, process.execPath, [join("node_modules", "deepfm-edge", "cli", "bin.js"), ...args]);
  const { devDependencies, peerDependencies } = manifest as Record<string, Record<string, string>>;
  const needed = Object.keys(devDependencies).filter((name) => name in peerDependencies);

  test("says in one line what is to be installed for it", async () => {
    const install = needed.map((name) => `${name}@${devDependencies[name]}`).join(" ");
    const line = `error: the command line needs packages that are not installed: npm install ${install}`;
    await expect(command("--version")).rejects.toThrow(line);
  });

  test("runs as it was compiled, once they are there", async () => {
    for (const name of needed) {
      const link = join(installed.folder, "node_modules", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), link, "junction");
    }
    expect((await command("--version")).trim()).toBe(manifest.version);
    // The application has the command on the PATH of npx and of its npm scripts.
    expect((await run(installed.folder, "npx", ["--no-install", "deepfm-edge", "--version"])).trim()).toBe(
      manifest.version,
    );
    const inspected = JSON.parse(await command("inspect", join(ROOT, "test", "golden", "tiny.blob.bin"), "--json"));
    expect(inspected).toMatchObject({ model: readManifest(blob).spec.name });
  });
});

/** The packages and modules of Node that a compiled entry imports, itself or through others. */
function externalImports(entry: string): string[] {
  const external = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { fileName } of ts.preProcessFile(readFileSync(path, "utf8"), true, true).importedFiles) {
      if (fileName.startsWith(".")) visit(join(dirname(path), fileName));
      else external.add(fileName);
    }
  };
  visit(join(installed.folder, "node_modules", "deepfm-edge", "dist", "package", entry));
  return [...external].sort();
}

test("what browsers load needs neither Node nor the command line's packages", () => {
  expect(externalImports("index.js")).toEqual([]);
  expect(externalImports("format.js")).toEqual(["strip-json-comments", "valibot"]);
  expect(externalImports("runtime.browser.js")).toEqual(["valibot"]);
});

test("deepfm-edge/runtime scores in Node", async () => {
  const path = join(ROOT, "test", "golden", "tiny.blob.bin");
  expectGoldenLogits(JSON.parse(await run(installed.folder, process.execPath, ["node.mjs", path])));
});

const chromium = findChromium();

describe.skipIf(chromium === null)(`in a browser${chromium ? "" : ": no chromium on the PATH"}`, () => {
  test("deepfm-edge/runtime scores in Chromium", async () => {
    const result = (await openPage(chromium ?? "", installed.folder, blob)) as { variant: string; logits: number[] };
    expect(result).toMatchObject({ variant: expect.stringMatching(/^(relaxed|simd)$/), logits: expect.any(Array) });
    expectGoldenLogits(result.logits);
  });
});

describe("deepfm-edge/worker in another Hono app", () => {
  let miniflare: Miniflare;
  let version: string;
  beforeAll(async () => {
    miniflare = await startMounted(installed.folder);
    version = await publishTo(miniflare, blob, [golden("tiny.page.bin")]);
  }, COMPILE_TIMEOUT);
  afterAll(() => miniflare?.dispose());

  const fetch = (path: string, body?: unknown) =>
    miniflare.dispatchFetch(`http://localhost${path}`, {
      ...(body !== undefined && {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });

  test("the other app answers", async () => {
    expect(await (await fetch("/")).text()).toBe("the other app");
  });

  test("a published model scores, with the rows of its page", async () => {
    const cases: { record: object; score: number }[] = JSON.parse(
      readFileSync(join(ROOT, "test", "golden", "tiny.scores.json"), "utf8"),
    );
    const response = await fetch("/ctr/v1/score", { records: cases.map(({ record }) => record) });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { scores: number[]; model: string; version: string };
    expect(answer).toMatchObject({ model: readManifest(blob).spec.name, version });
    expect(answer).not.toHaveProperty("degraded");
    cases.forEach(({ score }, i) => {
      expect(answer.scores[i], `records[${i}]`).toBeCloseTo(score, 4);
    });
  });

  test("the playground is at the path of the Worker", async () => {
    for (const path of ["/ctr", "/ctr/"]) expect(await (await fetch(path)).text()).toContain("<h1>Playground</h1>");
  });

  test("a broken request is answered with a problem", async () => {
    const response = await fetch("/ctr/v1/score", { records: 1 });
    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  });
});
