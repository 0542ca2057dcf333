import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROJECT } from "../../trainer/io/project.ts";
import { PARTS } from "../../trainer/model/step-clock.ts";

const NONE = ["--peers", "none", "--rounds", "1"];

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ["bench/train.ts", ...NONE, ...args], { cwd: PROJECT, encoding: "utf8" });
}

it("races our engines, each in a process of its own, and writes what it measured", () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-test-"));
  try {
    const json = join(folder, "train.json");
    const engines = "assembly,tfjs-wasm";
    const { status, stdout, stderr } = bench(
      "--cases",
      "small",
      "--engines",
      engines,
      "--threads",
      "1,2",
      "--json",
      json,
    );
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/small │\s+assembly │\s+2 │/);
    const { results } = JSON.parse(readFileSync(json, "utf8")) as { results: Record<string, unknown>[] };
    expect(results.map(({ engine, threads }) => [engine, threads])).toEqual([
      ["assembly", 1],
      ["tfjs-wasm", 1],
      ["assembly", 2],
    ]);
    for (const { parts, recordsPerSecond, peakBytes, ...of } of results) {
      expect(of).toMatchObject({ case: "small", k: 8, rows: 20_000, batch: 2048 });
      expect(Object.keys(parts as object)).toEqual([...PARTS]);
      for (const ms of Object.values(parts as Record<string, number>)) expect(ms).toBeGreaterThan(0);
      expect(recordsPerSecond).toBeGreaterThan(0);
      expect(peakBytes).toBeGreaterThan(2 ** 26);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("names the cases where none has the text that is asked for", () => {
  const { status, stderr } = bench("--cases", "k11");
  expect(status).toBe(2);
  expect(stderr).toContain("got k11, expected a part of one of deep-k10-b2048-1e5, ");
});
