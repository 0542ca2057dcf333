// What an installation leaves where a step fails. All of it with pieces that are there and fetched by nobody; the real
// ones are `npm run native`'s.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, isAbsolute, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type InstallPlan, install } from "../../../trainer/native/install.ts";
import { ADDON, installFolder, nativeRoot, partFolder } from "../../../trainer/native/installs.ts";

const root = mkdtempSync(join(tmpdir(), "deepfm-edge-install-"));
afterAll(() => rmSync(root, { recursive: true }));

const folder = installFolder("cpu", root);
const made = join(partFolder("cpu", root), "made", basename(folder));

/** All pieces are there; `compiler` is to make the addon of them. */
function planWith(compiler: string): InstallPlan {
  const clients = { pypi: ["none"], npm: ["none"] } as const;
  const plan = { build: "cpu", device: "cpu", root, folder, pieces: [], bytes: 0, room: 0, clients } as const;
  return { ...plan, compiler: { program: [compiler], version: compiler } };
}

it("a compiler that fails is told, with what to do", async () => {
  mkdirSync(made, { recursive: true });
  await expect(install(planWith("false"))).rejects.toThrow(
    "tfjs-node's binding did not compile with false: install g++ (apt install g++), or name another compiler in CXX",
  );
  expect(existsSync(folder)).toBe(false);
});

it("an addon that does not work is not kept: the next installation may have another compiler", async () => {
  writeFileSync(join(made, ADDON), "of another compiler");
  await expect(install(planWith("false"))).rejects.toThrow(
    /^TensorFlow's cpu build does not work here, and is not installed: start: .*; the next installation compiles and/s,
  );
  expect(existsSync(folder)).toBe(false);
  await expect(install(planWith("false"))).rejects.toThrow("did not compile with false");
});

it("its folder is the same from wherever it is looked at", () => {
  for (const env of [{ DEEPFM_EDGE_NATIVE: "native" }, { XDG_CACHE_HOME: "cache" }, {}])
    expect(isAbsolute(nativeRoot(env))).toBe(true);
});
