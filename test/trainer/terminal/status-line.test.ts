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
  using task = startTask("epoch 1", 10, "record");
  warn("no checkpoint was saved");
  expect(written).toEqual([expect.stringContaining("epoch 1"), "\r\x1b[J", "warning: no checkpoint was saved\n"]);
  task.done();
  expect(written.at(-1)).toMatch(/^epoch 1: /);
});

test("a terminal that calls itself dumb gets lines alone", () => {
  vi.stubEnv("TERM", "dumb");
  using task = startTask("epoch 1", 10, "record");
  task.advance(10);
  task.done();
  expect(written.join("")).toMatch(/^epoch 1: 10 records in [^\p{Cc}]+\n$/u);
});

test.each<[number, RegExp]>([
  [1, /^publish: 1 key in [\d.]+ s \(\S+ keys?\/s\)\n$/],
  [2, /^publish: 2 keys in [\d.]+ s \(\S+ keys?\/s\)\n$/],
])("%d of what is counted", (steps, line) => {
  using task = startTask("publish", steps, "key");
  task.advance(steps);
  task.done();
  expect(written.at(-1)).toMatch(line);
});

test("the symbol of a unit has no plural", () => {
  using task = startTask("fetch", 3, "MB", "MB");
  task.advance(2);
  task.done();
  expect(written.at(-1)).toMatch(/^fetch: 2 MB in [\d.]+ s \(\S+ MB\/s\)\n$/);
});
