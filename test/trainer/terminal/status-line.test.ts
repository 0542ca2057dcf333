import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startTask } from "../../../trainer/terminal/progress.ts";
import { forgetWarnings, warn } from "../../../trainer/terminal/warning.ts";

const { isTTY } = process.stderr;
let written: string[];

beforeEach(() => {
  written = [];
  forgetWarnings();
  process.stderr.isTTY = true;
  vi.stubEnv("TERM", "xterm");
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(() => {
  process.stderr.isTTY = isTTY;
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test("a warning takes the bar off its line first", () => {
  using task = startTask("epoch 1", 10, "records");
  warn("no checkpoint was saved");
  expect(written).toEqual([expect.stringContaining("epoch 1"), "\r\x1b[J", "warning: no checkpoint was saved\n"]);
  task.done();
  expect(written.at(-1)).toMatch(/^epoch 1: /);
});

test("a terminal that calls itself dumb gets lines alone", () => {
  vi.stubEnv("TERM", "dumb");
  using task = startTask("epoch 1", 10, "records");
  task.advance(10);
  task.done();
  expect(written.join("")).toMatch(/^epoch 1: 10 records in [^\p{Cc}]+\n$/u);
});
