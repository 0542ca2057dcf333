import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { runHere } from "./command-here.ts";

const run = (...args: string[]) => runHere(tmpdir(), args);

describe("help", () => {
  it("says what each command needs", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const command of [
      "generate",
      "init",
      "train",
      "compare",
      "study",
      "tune",
      "export",
      "inspect",
      "keygen",
      "sign",
      "publish",
      "token",
      "evaluate",
      "start",
      "recipe",
    ])
      expect(stdout).toContain(command);
    const { stdout: train } = await run("train", "--help");
    const flags = ["--data <path...>", "--train <path...>", "--valid <path...>", "--test <path...>"];
    const places = [...flags, "--cache <folder>", "--out <folder>", "--backend <name>", "tfjs-node-gpu"].map((text) =>
      train.indexOf(text),
    );
    expect(Math.min(...places)).toBeGreaterThan(0);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});
