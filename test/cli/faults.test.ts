import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { exitCodeOf, faultText } from "../../cli/commands/faults.ts";
import { FormatError } from "../../format/errors.ts";
import { DivergedError, UserError } from "../../trainer/errors.ts";
import { Interrupted } from "../../trainer/training/checkpoint.ts";
import { CommandFolder, LOG, runCommand, SPEC } from "./cli-process.ts";

// Whose fault an error was decides what a user sees of it: one line, or a defect's stack.

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());
const log = folder.file("log.csv", LOG);
const blob = fileURLToPath(new URL("../golden/tiny.blob.bin", import.meta.url));

const STACK = /^ {4}at /m;

it("a library's server that did not start does not keep the process", async () => {
  folder.file("wrangler.toml", 'name = "shop"\n[[kv_namespaces]]\nbinding = "MODELS"\n');
  mkdirSync(join(folder.path, "state"));
  folder.file("state/v3", "a file, where workerd is to have its folders");
  const args = ["models", "--config", "wrangler.toml", "--persist-to", "state"];
  const { code, stderr } = await runCommand(folder.path, args);
  expect(stderr).toMatch(/^error: the local KV in state could not be opened: ENOTDIR: /);
  expect(code).toBe(1);
});

describe("a fault", () => {
  it.each([
    ["FormatError", new FormatError("spec.json", "got 1, expected 2"), "error: spec.json: got 1, expected 2"],
    ["UserError", new UserError("--items and --item-id go together"), "error: --items and --item-id go together"],
    ["DivergedError", new DivergedError("the loss became NaN"), "error: the loss became NaN"],
  ])("of class %s is one line, and exit code 1", (_, error, text) => {
    expect(faultText(error)).toBe(text);
    expect(exitCodeOf(error)).toBe(1);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("of class Interrupted is one line, and the exit code of %s", (signal, code) => {
    const error = new Interrupted(signal, "run/checkpoint.safetensors");
    expect(faultText(error)).toBe(`error: stopped by ${signal}; --resume goes on from run/checkpoint.safetensors`);
    expect(exitCodeOf(error)).toBe(code);
  });

  it.each([new Error("a plain error"), new TypeError("no such function"), new RangeError("too large")])(
    "of any other class is a defect with its stack: %s",
    (error) => {
      expect(faultText(error)).toContain(`${error.name}: ${error.message}\n    at `);
      expect(exitCodeOf(error)).toBe(1);
    },
  );

  it("that is no error is shown as it is", () => {
    expect(faultText("thrown text")).toBe("'thrown text'");
  });
});

describe("at the command line", () => {
  it.each([
    ["FormatError", ["inspect", "absent.blob"], "error: absent.blob: no such file"],
    ["UserError", ["export", "run", "--items", log], "error: --items and --item-id go together"],
    ["UserError", ["evaluate", "http://127.0.0.1:1", "--export", "none", "--test", log], "error: none/export.json"],
    ["commander's", ["inspect"], "error: missing required argument 'blob'"],
  ])("a %s is one line", async (_, args, line) => {
    const { code, stdout, stderr } = await folder.runApart(...args);
    expect(stderr).toContain(line);
    expect(stderr).not.toMatch(STACK);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it("a DivergedError is one line", async () => {
    const wild = folder.file("wild.json", JSON.stringify({ ...SPEC, training: { learningRate: 1e30 } }));
    const args = ["train", wild, "--train", log, "--valid", log, "--out", "wild", "--backend", "cpu"];
    const { code, stderr } = await folder.runApart(...args);
    expect(stderr).toMatch(/^error: epoch 1 diverged: .*; try a learningRate below 1e\+30$/m);
    expect(stderr).not.toMatch(STACK);
    expect(code).toBe(1);
  });

  it("a defect prints its stack", async () => {
    // What checks a blob's digest is broken before the program begins.
    const broken = 'crypto.subtle.digest = () => { throw new Error("a defect"); }';
    const env = { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(broken)}"` };
    const { code, stderr } = await runCommand(folder.path, ["inspect", blob], env);
    expect(stderr).toMatch(/^Error: a defect$/m);
    expect(stderr).toMatch(STACK);
    expect(code).toBe(1);
  });
});
