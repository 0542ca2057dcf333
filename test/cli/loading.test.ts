import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LOG, runCommand, SPEC } from "./cli-process.ts";

// What a command loads decides how long it takes to start.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-loading-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Prints the packages and rooms of a process whose modules were loaded. */
const PROBE = `
  import { registerHooks } from "node:module";
  import { isMainThread } from "node:worker_threads";
  const loaded = new Set();
  registerHooks({
    load(url, context, next) {
      const [, name = new URL(url).pathname.split("/").slice(-3).join("/")] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? [];
      loaded.add(name);
      return next(url, context);
    },
  });
  if (isMainThread) process.on("exit", () => console.error("loaded: " + [...loaded].join(" ")));
`;

/** What a command loads: names of packages, and the last parts of our own files' paths. */
async function loadedBy(...args: string[]): Promise<string[]> {
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PROBE)}` };
  const { code, stderr } = await runCommand(folder, args, env);
  expect(code, stderr).toBe(0);
  return /^loaded: (.*)$/m.exec(stderr)?.[1]?.split(" ") ?? [];
}

beforeAll(() => {
  writeFileSync(join(folder, "spec.json"), JSON.stringify({ ...SPEC, model: { type: "DeepFM", hidden: [4] } }));
  writeFileSync(join(folder, "log.csv"), LOG);
});

it("help and the version load no command", async () => {
  for (const args of [["--help"], ["--version"]]) {
    const loaded = await loadedBy(...args);
    expect(loaded).toContain("commander");
    expect(loaded.filter((name) => /^@|cli\/commands\/(train|export|models)/.test(name))).toEqual([]);
  }
});

it("a command loads no other", async () => {
  const loaded = await loadedBy("models", "--help");
  expect(loaded).toContain("cli/commands/models.ts");
  expect(loaded.filter((name) => /^@(tensorflow|duckdb)|cli\/commands\/(train|export)\.ts/.test(name))).toEqual([]);
});

it("our own engine trains and exports without TensorFlow.js, which is loaded where it computes", async () => {
  const train = ["train", "spec.json", "--train", "log.csv", "--valid", "log.csv"];
  const own = [
    await loadedBy(...train, "--out", "own", "--engine", "assembly"),
    await loadedBy("export", "own", "--force"),
  ];
  for (const loaded of own) {
    expect(loaded).toContain("@duckdb/node-api");
    expect(loaded.filter((name) => name.startsWith("@tensorflow"))).toEqual([]);
  }
  expect(await loadedBy(...train, "--out", "other", "--engine", "tfjs")).toContain("@tensorflow/tfjs-core");
});
