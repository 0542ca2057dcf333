import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { ADDON, installFolder, manifestPath, newManifest, partFolder } from "../../trainer/native/installs.ts";
import { CommandFolder } from "./cli-process.ts";

const commands = new CommandFolder();
afterAll(() => commands[Symbol.dispose]());
const root = join(commands.path, "native");
beforeEach(() => void vi.stubEnv("DEEPFM_EDGE_NATIVE", root));
afterEach(() => void vi.unstubAllEnvs());

it("where nothing is installed, each command says so", async () => {
  const status = await commands.run("native", "status");
  expect(status).toMatchObject({ code: 0, stdout: `folder ${root}\ncpu: not installed\ngpu: not installed\n` });
  const removed = await commands.run("native", "remove", "--gpu");
  expect(removed).toMatchObject({ code: 0, stdout: `${installFolder("gpu", root)}: there was nothing\n` });
  const { code, stderr } = await commands.run("native", "test", "--gpu");
  expect(code).toBe(1);
  expect(stderr).toContain(`${root}: got no installation, expected one: npx deepfm-edge native install --gpu`);
});

it("what a killed installation has left is shown, and removed", async () => {
  mkdirSync(join(partFolder("cpu", root), "files"), { recursive: true });
  const { stdout } = await commands.run("native", "status");
  expect(stdout).toContain("cpu: not installed; an installation was begun, and the next one goes on with it");
  expect((await commands.run("native", "remove")).stdout).toBe(`${installFolder("cpu", root)}: removed\n`);
  expect((await commands.run("native", "status")).stdout).toContain("cpu: not installed\n");
});

it.each([
  ["a manifest of another layout", { ...newManifest("cpu", "none", []), layout: 0 }, "layout: got 0, expected 1"],
  ["a file that is gone", newManifest("cpu", "none", [{ path: ADDON, bytes: 5 }]), `${ADDON}: got no file, expected 5`],
])("%s is shown with what to do, and is not taken for an installation", async (_name, manifest, problem) => {
  const folder = installFolder("cpu", root);
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifestPath(folder), JSON.stringify(manifest));
  const advice = "npx deepfm-edge native remove, and then native install";
  try {
    const { code, stdout } = await commands.run("native", "status");
    expect(code).toBe(1);
    for (const text of [problem, advice, "gpu: not installed\n"]) expect(stdout).toContain(text);
    for (const name of ["install", "test"]) {
      const got = await commands.run("native", name);
      expect(got.code).toBe(1);
      expect(got.stdout + got.stderr).toContain(problem);
      expect(got.stdout + got.stderr).toContain(advice);
    }
    expect((await commands.run("native", "remove")).stdout).toBe(`${folder}: removed\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("nothing is fetched without a terminal to ask in, or --yes", async () => {
  const { code, stdout, stderr } = await commands.run("native", "install");
  expect(code).toBe(1);
  // A machine that cannot install it at all says that first.
  if (stdout !== "") expect(stderr).toContain("got no terminal to ask in, expected --yes");
  expect((await commands.run("native", "status")).stdout).toContain("cpu: not installed\n");
});
