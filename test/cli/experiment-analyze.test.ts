import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePolicy } from "../../format/policy.ts";
import { AnalysisSchema } from "../../lab/analysis/experiment/result.ts";
import { generatedLines } from "../../testing/experiments/generated-log.ts";
import { runHere } from "./command-here.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-experiment-"));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 2 });
  const lines = generatedLines({
    seed: 2,
    units: 1200,
    evenly: true,
    candidates: 3,
    mostLists: 2,
    arms: [
      { name: "origin", policy: null },
      { name: "lr", policy, skill: 0.8, clickFactor: 1.5 },
    ],
  });
  writeFileSync(join(folder, "log.jsonl"), `${[...lines, "{broken", '{"v":1,"type":"glance"}'].join("\n")}\n`);
  writeFileSync(join(folder, "plan.json"), JSON.stringify({ plannedUnits: 1200, weights: { origin: 1, lr: 1 } }));
});

test("analyze prints what a person reads, and writes a report that needs no script", async () => {
  const { code, stdout, stderr } = await runHere(folder, [
    ...["experiment", "analyze", "--logs", "log.jsonl", "--plan", "plan.json", "--html", "report.html"],
    ...["--what-if", '{"policy":"greedy"}', "--plan-effect", "0.05"],
  ]);
  expect([code, stderr]).toEqual([0, ""]);
  for (const text of [
    "order, phase 0f1e2d3c, 2026-01-05 to 2026-01-18",
    "sample ratio: χ² p = 1.0000",
    "clicks (primary)",
    "The planned 1200 units are there: the fixed test may be looked at, once.",
    "IPS of lists",
    "lines drawn again are as logged",
    "2 bad lines of order's log:",
    "log.jsonl, line ",
    "report: report.html",
  ])
    expect(stdout).toContain(text);
  const html = readFileSync(join(folder, "report.html"), "utf8");
  expect(html).not.toMatch(/<script|<link|https?:\/\/(?!www\.w3\.org)/);
  expect(html.match(/<h2>[^<]*/g)?.map((heading) => heading.slice(4))).toEqual([
    "Result",
    "Can it be believed?",
    "Which arm is better?",
    "Segments",
    "Guard-rails",
    "What another policy would have earned",
    "Units for an effect",
    "What was left out",
    "Replay",
    "Bad lines",
  ]);
});

test("analyze --json prints what its schema says, and options say parts of the plan", async () => {
  const { code, stdout } = await runHere(folder, [
    ...["experiment", "analyze", "--logs", folder, "--json", "--weights", "origin=1,lr=3", "--alpha", "0.01"],
  ]);
  expect(code).toBe(3);
  const analysis = v.parse(AnalysisSchema, JSON.parse(stdout));
  const [phase] = analysis.phases;
  expect(analysis.alpha).toBe(0.01);
  expect(phase?.arms.map(({ weight }) => weight)).toEqual([0.25, 0.75]);
  expect(phase?.soundness.sound).toBe(false);
  expect(phase?.metrics).toBeNull();
  const inSpite = ["--json", "--weights", "origin=1,lr=3", "--in-spite-of-srm"];
  const shown = await runHere(folder, ["experiment", "analyze", "--logs", "log.jsonl", ...inSpite]);
  expect(shown.code).toBe(0);
  expect(JSON.parse(shown.stdout).phases[0]).toMatchObject({ soundness: { sound: false }, metrics: expect.any(Array) });
});

test.each([
  [["--weights", "origin"], "got origin, expected an arm and its weight"],
  [["--weights", "origin=1,constructor=1"], "weights.constructor: got a name that JavaScript keeps"],
  [["--weights", "origin=1,lr=10001"], "expected of each weight above 0 at least a 10000th of all"],
  [["--plan-effect", "1e-160"], "got 1e-160, expected a lift such as 0.02"],
  [["--alpha", "1e-310"], "got 1e-310, expected 1e-300 to 0.5"],
  [["--alpha", "1"], "got 1, expected 1e-300 to 0.5, such as 0.05"],
  [["--weights", "origin=1,lr=2,origin=3"], "got the arm origin twice, expected it once"],
  [["--primary", "visits"], 'primary: got "visits", expected one of "clicks"'],
  [["--html", "."], "got a folder, expected the name of a file"],
  [["--pre-period", "2026-01-01"], "expected two dates such as"],
  [["--pre-period", "soon/later"], "expected a day, such as 2026-01-31"],
  // Which time that is depends on the machine, and there is no such day.
  [["--pre-period", "2026-01-01T00:00/2026-01-02"], 'got "2026-01-01T00:00", expected a day'],
  [["--pre-period", "2026-01-30/2026-02-30"], 'got "2026-02-30", expected a day'],
  [["--pre-period", "1/5"], 'got "1", expected a day'],
  [["--segment", "colour"], "expected list, worker or ctx. and a name"],
  [["--what-if", "{"], "--what-if: not JSON"],
  [["--what-if", '{"policy":"best"}'], "--what-if"],
  [["--plan", "none.json"], "none.json"],
  [["--logs", "none"], "none: no such file"],
])("analyze %j is an error", async (flags, message) => {
  const { code, stderr } = await runHere(folder, ["experiment", "analyze", "--logs", "log.jsonl", ...flags]);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});

test("names that would steer a terminal are printed as they are written in JSON", async () => {
  const log = readFileSync(join(folder, "log.jsonl"), "utf8");
  writeFileSync(join(folder, "steering.jsonl"), log.replaceAll('"x":"order"', '"x":"a\\u001b[2J\\u202eb"'));
  const analyze = ["experiment", "analyze", "--logs", "steering.jsonl", "--segment", "list"];
  const { stdout } = await runHere(folder, analyze);
  expect(stdout).toContain("a\\u001b[2J\\u202eb, phase 0f1e2d3c");
  for (const character of ["\u001b", "\u202e"]) expect(stdout).not.toContain(character);
});

test("a report is written over no file that is read", async () => {
  const analyze = ["experiment", "analyze", "--logs", "log.jsonl", "--plan", "plan.json", "--html"];
  const models = ["--reward-spec", "spec.json", "--items", "items.csv", "--reward-model", "one", "two"];
  for (const file of ["spec.json", "items.csv"]) writeFileSync(join(folder, file), "");
  for (const file of ["log.jsonl", "plan.json", "spec.json", "items.csv"]) {
    const { stderr } = await runHere(folder, [...analyze, file, ...models]);
    expect(stderr).toContain(`${file}: got ${file}, which is read, as the file to write, expected another`);
  }
});
