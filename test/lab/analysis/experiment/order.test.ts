import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parsePolicy } from "../../../../format/policy.ts";
import { analyzeExperiment } from "../../../../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../../../../lab/analysis/experiment/plan.ts";
import type { Analysis } from "../../../../lab/analysis/experiment/result.ts";
import { generatedLines } from "../../../../testing/experiments/generated-log.ts";
import { Random } from "../../../../trainer/data/random.ts";

// What a log says does not depend on the order of its files, nor on that of the lines in them.

const HOUR = 3_600_000;

/** An arm whose log says what two others would have earned, served by two versions that change in one millisecond. */
function lines(): string[] {
  const generated = [
    ...generatedLines({
      ...{ seed: 11, units: 1500, evenly: true, candidates: 4, mostLists: 3, clickRate: 0.25, revenue: true },
      arms: [
        { name: "origin", policy: null },
        { name: "lr", policy: parsePolicy({ policy: "plackett-luce", temperature: 2, k: 3 }), shadow: "deepfm" },
        {
          name: "deepfm",
          policy: parsePolicy({ policy: "epsilon-greedy", epsilon: 0.3, k: 3 }),
          skill: 0.8,
          model: (share) => (share < 0.5 ? "deepfm@0123456789abcdef" : "deepfm@1123456789abcdef"),
        },
      ],
    }),
  ];
  const versions = [0, 1].map((digit) => generated.find((line) => line.includes(`"model":"deepfm@${digit}`)) ?? "");
  const [, at = ""] = /"t":(\d+)/.exec(versions[1] ?? "") ?? [];
  const together = generated.map((line) => (line === versions[0] ? line.replace(/"t":\d+/, `"t":${at}`) : line));
  // Lines that come twice: a click that was received in time and too late, revenue that is stated anew, a later list.
  const again = together.flatMap((line, i) => {
    if (i % 7 > 0) return [];
    const own = JSON.parse(line);
    if (own.type === undefined) return [JSON.stringify({ ...own, t: own.t + HOUR })];
    const late = { ...own, received: own.received + 200 * HOUR };
    return [JSON.stringify(own.type === "revenue" ? { ...late, value: 2 * own.value } : late)];
  });
  return [...together, ...again];
}

/** The analysis of lines in so many files. Numbers have the digits that sums in another order share. */
async function analysisOf(all: readonly string[], files: number): Promise<Analysis> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-order-"));
  try {
    const size = Math.ceil(all.length / files);
    for (let i = 0; i < files; i++)
      writeFileSync(join(folder, `${i}.ndjson`), `${all.slice(i * size, (i + 1) * size).join("\n")}\n`);
    const plan = parsePlan({ weights: { origin: 1, lr: 1, deepfm: 1 }, plannedUnits: 1500 });
    const whatIf = [parsePolicy({ policy: "greedy" })];
    const { log, ...analysis } = await analyzeExperiment({ logs: [folder], plan, whatIf, inSpiteOfMismatch: true });
    const rounded = (_: string, value: unknown) =>
      typeof value === "number" && !Number.isInteger(value) ? Number((value + 1).toPrecision(11)) : value;
    return JSON.parse(JSON.stringify({ ...analysis, log: { ...log, files: 0 } }, rounded));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a log whose files and lines are in another order has the same analysis, resamples and folds too", async () => {
  const all = lines();
  const first = await analysisOf(all, 1);
  const [phase] = first.phases;
  const known = phase?.offPolicy.flatMap(({ estimates }) => estimates.filter(({ bootstrap }) => bootstrap !== null));
  expect(known?.map(({ estimator }) => estimator)).toEqual(expect.arrayContaining(["DR", "IIPS", "RIPS", "SNIPS"]));
  expect(phase?.versions.length).toBeGreaterThan(0);
  expect(phase?.funnel.events.late).toBe(0);
  expect(first.log.duplicateEvents).toBeGreaterThan(0);
  const shuffled = Uint32Array.from(all, (_, i) => i);
  new Random(3).shuffle(shuffled);
  expect(
    await analysisOf(
      [...shuffled].map((i) => all[i] ?? ""),
      5,
    ),
  ).toEqual(first);
  expect(await analysisOf([...all].reverse(), 2)).toEqual(first);
});
