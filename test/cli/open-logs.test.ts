// How often commands open logs, and that none is left open.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it, type MockInstance, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { DuckDb } from "../../trainer/data/duckdb.ts";
import { tinyLog, tinyRunSpec } from "../trainer/tiny-run.ts";

const { folder, log } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

const spec = join(folder, "spec.json");
writeFileSync(spec, JSON.stringify(tinyRunSpec()));
const logs = ["--train", log.train, "--valid", log.valid, "--test", log.test, "--backend", "wasm"];

let open: MockInstance<typeof ClickLog.open>;
beforeEach(() => {
  open = vi.spyOn(ClickLog, "open");
  vi.spyOn(console, "log").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(DuckDb.openCount).toBe(0);
});

function timesOpened(path: string): number {
  return open.mock.calls.flatMap(([paths]) => paths).filter((opened) => opened === path).length;
}

async function command(...args: string[]): Promise<void> {
  await (await makeProgram(args)).parseAsync(args, { from: "user" });
}

it("compare opens a held-out log once to check it and once to encode it, for all models and seeds", async () => {
  const options = [...logs, "--models", "LR,FM", "--seeds", "2", "--cache", join(folder, "cache")];
  await command("compare", spec, ...options, "--out", join(folder, "compare"));
  expect([log.train, log.valid, log.test].map(timesOpened)).toEqual([1, 2, 2]);

  // Runs that are trained anew find the logs in the cache.
  open.mockClear();
  await command("compare", spec, ...options, "--out", join(folder, "again"));
  expect([log.train, log.valid, log.test].map(timesOpened)).toEqual([0, 1, 1]);
});

it("train opens a held-out log to check it, to encode it and for its report; export to check it and for all it measures", async () => {
  const cache = ["--cache", join(folder, "own")];
  const run = join(folder, "run");
  await command("train", spec, ...logs, ...cache, "--out", run);
  expect([log.train, log.valid, log.test].map(timesOpened)).toEqual([1, 3, 3]);

  // The calibration set comes from the cache.
  open.mockClear();
  await command("export", run, ...cache, "--records", log.test, "--force");
  expect([log.train, log.valid, log.test].map(timesOpened)).toEqual([0, 0, 2]);
});
