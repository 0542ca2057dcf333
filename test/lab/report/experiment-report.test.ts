import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { analysisText } from "../../../cli/commands/experiment/analysis-text.ts";
import { parsePolicy } from "../../../format/policy.ts";
import type { Analysis } from "../../../lab/analysis/experiment/result.ts";
import { unitsOverTime } from "../../../lab/report/experiment-figures.ts";
import { experimentReport } from "../../../lab/report/experiment-report.ts";
import { generatedLines } from "../../../testing/experiments/generated-log.ts";
import { findChromium, openPage } from "../../package/browser.ts";
import { analyzed } from "../analysis/experiment/analyzed.ts";
import { unitLines } from "../analysis/experiment/unit-lines.ts";
import { MEASURE } from "./measure.ts";

const chromium = findChromium();
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-experiment-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Names that a page could take for markup, and that are as long as names may be. */
const LONG = `<b>arm & "arm"</b> ${"x".repeat(40)}`;

let analysis: Analysis;
beforeAll(async () => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 2 });
  const lines = generatedLines({
    seed: 4,
    units: 1200,
    evenly: true,
    candidates: 3,
    mostLists: 2,
    clickRate: 0.2,
    arms: [
      { name: "origin", policy: null },
      { name: LONG, policy, skill: 0.5, clickFactor: 1.4 },
    ],
  });
  analysis = await analyzed([...lines, "{broken"], { plannedUnits: 5000 }, { planEffects: [0.05] });
});

test("a report has the numbers of the analysis, and names as text", async () => {
  const html = await experimentReport(analysis);
  const lift = analysis.phases[0]?.metrics?.[0]?.comparisons[0]?.raw.lift;
  expect(html).toContain(`${(100 * (lift?.effect ?? 0)).toFixed(2)} %`);
  expect(html).toContain("of 5000 planned");
  expect(html).not.toContain("<b>");
  expect(html).toContain("&lt;b&gt;arm &amp; &quot;arm&quot;&lt;/b&gt;");
  expect(html.match(/<svg/g)).toHaveLength(6);
});

test("a lift without a test says why, and rows of names that are cut to one text are two", async () => {
  const listOf = (unit: number): string => `/category/${unit % 2 ? "a" : "b"}/list-of-items`;
  const lines = unitLines({ none: 600, some: 600 }, (arm, unit) => [
    { exposure: { list: listOf(unit) }, events: arm === "some" && unit % 3 === 0 ? [{ type: "click" }] : [] },
  ]);
  const plan = { plannedUnits: 1200, alpha: 1e-20 };
  const nothing = await analyzed(lines, { ...plan, control: "none" });
  expect(analysisText(nothing)).toContain("The planned 1200 units are there: the fixed test may be looked at, once.");
  expect(analysisText(nothing)).toContain("1 − 1e-20 at the end");
  expect(await experimentReport(nothing)).toMatch(/lift of some<.dt><dd>–<.dd><dd class="detail">none has none</);
  const less = await analyzed(lines, { ...plan, control: "some" });
  const html = await experimentReport(less);
  expect(html).toMatch(/lift of none<.dt><dd>-100.00 %<.dd><dd class="detail">p &lt; 0.0001 at the planned end</);
  expect(html).toMatch(/Lift of none by list.*>\/catego…of-items<.*>\/catego…of-items</);
});

test("names that turn the order of a text are shown by their characters, in a report as on a terminal", async () => {
  const name = "\u202ehcraes\u202c\u001b[31m";
  const lines = unitLines({ origin: 20 }, (_, unit) => [{ exposure: { list: unit < 10 ? name : "home" } }]);
  const report = await experimentReport(await analyzed([...lines, ...unitLines({ [name]: 1 }, () => [{}])]));
  for (const steering of ["\u202e", "\u202c", "\u001b"]) expect(report).not.toContain(steering);
  expect(report).toContain("\\u202ehcraes\\u202c\\u001b[31m");
});

test.each([20, 100, 250, 1_000, 10_000, 500_000])("times of %d s are told from each other", async (seconds) => {
  const [phase] = analysis.phases;
  if (!phase) throw new Error("expected a phase");
  const timeline = [0, 0.3, 1].map((share, i) => {
    const at = new Date(Date.UTC(2026, 0, 5, 22, 31) + 1000 * seconds * share).toISOString();
    return { ...phase.timeline[0], at, units: { origin: i } };
  });
  const { svg } = await unitsOverTime({ ...phase, timeline } as typeof phase);
  const times = [...svg.matchAll(/>([^<>]*(?::|Jan)[^<>]*)<\/text>/g)].map(([, text]) => text);
  expect(times.length).toBeGreaterThan(1);
  expect(new Set(times).size).toBe(times.length);
});

test("intervals of interleaved lists are told with what they hold", async () => {
  const policy = parsePolicy({ policy: "team-draft", rival: "fm" });
  const lines = unitLines({ mix: 3 }, () => [{ exposure: { policy, team: "01" }, events: [{ type: "click" }] }]);
  const text = analysisText(await analyzed(lines, { alpha: 0.01 }));
  expect(text).toMatch(/credit of the rival │ +99 % │/);
});

test("one that is not sound says why, and shows no metric", async () => {
  const [phase] = analysis.phases;
  if (!phase) throw new Error("expected a phase");
  const soundness = { ...phase.soundness, sound: false, reasons: ["units are missing"] };
  const html = await experimentReport({ ...analysis, phases: [{ ...phase, soundness, metrics: null }] });
  expect(html).toContain("<strong>units are missing</strong>");
  expect(html).not.toContain("Which arm is better?");
});

test.skipIf(chromium === null)("a report fits a phone's screen and a desktop's", async () => {
  writeFileSync(join(folder, "report.html"), await experimentReport(analysis));
  writeFileSync(join(folder, "page.html"), MEASURE);
  const measured = (await openPage(chromium as string, folder, new Uint8Array())) as object[];
  expect(measured).toMatchObject([
    { width: 390, tooWide: 0, outside: [] },
    { width: 1280, tooWide: 0, outside: [] },
  ]);
});

if (chromium === null) console.log("skipped without a chromium on the PATH: how an experiment's report fits a screen");
