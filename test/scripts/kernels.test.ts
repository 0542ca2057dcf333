// The kernels are built when they are needed, in a checkout of small modules: those of the project take a quarter of a
// minute.
import { execFile } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const checkout = mkdtempSync(join(tmpdir(), "deepfm-edge-checkout-"));
afterAll(() => rmSync(checkout, { recursive: true }));

/** What the command line reads of a checkout. */
const ROOMS = ["examples", "cli", "lab", "deploy", "trainer", "runtime", "format", "scripts"];
const source = (module: string): string => join(checkout, "assembly", module, "index.ts");
const built = (file: string): string => join(checkout, "build", file);
const MODULES = readdirSync(join(ROOT, "build")).filter((file) => file.endsWith(".wasm"));

beforeAll(() => {
  for (const room of ROOMS) cpSync(join(ROOT, room), join(checkout, room), { recursive: true });
  cpSync(join(ROOT, "package.json"), join(checkout, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(checkout, "node_modules"));
  for (const module of ["score", "gemm", "train", "roofline"]) {
    mkdirSync(join(checkout, "assembly", module), { recursive: true });
    writeFileSync(source(module), "export function one(): i32 {\n  return load<i32>(0);\n}\n");
  }
});

const build = () => promisify(execFile)(process.execPath, ["scripts/build-kernel.ts"], { cwd: checkout });

/** The bytes and times of all modules. */
function state(): string {
  const files = MODULES.map((file) => [readFileSync(built(file)).toString("hex"), statSync(built(file)).mtimeMs]);
  return JSON.stringify(files);
}

describe("the kernels of a checkout", () => {
  it("are built by the command that comes first, and by two at the same time", async () => {
    const run = (): Promise<{ stderr: string; code: number }> =>
      promisify(execFile)(process.execPath, ["cli/bin.js", "inspect", "absent.blob"], { cwd: checkout }).then(
        ({ stderr }) => ({ stderr, code: 0 }),
        ({ stderr, code }) => ({ stderr, code }),
      );
    const both = await Promise.all([run(), run()]);
    for (const { code, stderr } of both) {
      expect(stderr).toContain("error: absent.blob");
      expect(code).toBe(1);
    }
    expect(both.map(({ stderr }) => stderr).join("")).toContain("building the kernels, as their sources are new\n");
    expect(readdirSync(join(checkout, "build")).sort()).toEqual([...MODULES, "kernels.json"].sort());
    for (const file of MODULES) new WebAssembly.Module(readFileSync(built(file)));

    const before = state();
    expect((await run()).stderr).not.toContain("building");
    expect(state()).toBe(before);
  });

  it("are built again where a source has changed, or a module", async () => {
    await build();
    const before = state();
    await build();
    expect(state()).toBe(before);

    appendFileSync(source("score"), "export function two(): i32 {\n  return 2;\n}\n");
    await build();
    const changed = state();
    expect(changed).not.toBe(before);
    expect(WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(built("kernel.simd.wasm"))))).toContainEqual({
      name: "two",
      kind: "function",
    });

    writeFileSync(built("gemm.simd.wasm"), readFileSync(built("gemm.simd.wasm")).subarray(0, -1));
    await build();
    const bytes = (text: string): string[] => JSON.parse(text).map(([hex]: [string]) => hex);
    expect(bytes(state())).toEqual(bytes(changed));
  });

  it("stay as they are where a source is wrong, which is named", async () => {
    await build();
    const before = state();
    const right = readFileSync(source("roofline"));
    onTestFinished(() => writeFileSync(source("roofline"), right));
    writeFileSync(source("roofline"), "export function one(): i32 {\n  return wrong;\n}\n");
    await expect(build()).rejects.toThrow(/roofline\.wasm: ERROR TS2304: Cannot find name 'wrong'/);
    expect(state()).toBe(before);
    expect(readdirSync(join(checkout, "build"))).toHaveLength(MODULES.length + 1);
  });
});
