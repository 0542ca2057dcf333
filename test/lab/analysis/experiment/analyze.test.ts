import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import type { ListEvent } from "../../../../format/event.ts";
import type { Exposure } from "../../../../format/exposure.ts";
import { parsePolicy } from "../../../../format/policy.ts";
import { difference, lift } from "../../../../lab/analysis/comparison.ts";
import { type Analysis, AnalysisSchema, type PhaseAnalysis } from "../../../../lab/analysis/experiment/result.ts";
import { momentsOf } from "../../../../lab/analysis/moments.ts";
import { linearized } from "../../../../lab/analysis/ratio.ts";
import { type GeneratedLog, generatedLines, START } from "../../../../testing/experiments/generated-log.ts";
import { expectNear } from "../near.ts";
import { analyzed, onlyPhase } from "./analyzed.ts";

const DAY = 86_400_000;
const plackettLuce = (temperature: number) => parsePolicy({ policy: "plackett-luce", temperature, k: 4 });

const UNITS = 2000;

/** Four arms: the origin's order, one that explores with a shadow, its shadow, and both drafted. */
const SETTINGS: GeneratedLog = {
  seed: 5,
  units: UNITS,
  evenly: true,
  candidates: 4,
  mostLists: 3,
  clickRate: 0.15,
  before: true,
  revenue: true,
  arms: [
    { name: "origin", policy: null, clickFactor: 0.7 },
    { name: "lr", policy: plackettLuce(2), skill: 0.2, shadow: "deepfm", failures: 0.05 },
    {
      name: "deepfm",
      policy: plackettLuce(1.2),
      skill: 0.9,
      model: (share) => (share < 0.4 ? "deepfm@0123456789abcdef" : "deepfm@1123456789abcdef"),
    },
    { name: "mix", policy: parsePolicy({ policy: "team-draft", rival: "deepfm", k: 4 }), skill: -0.5 },
  ],
};

const PLAN = {
  experiment: "order",
  weights: { origin: 1, lr: 1, deepfm: 1, mix: 1 },
  plannedUnits: UNITS,
  segments: ["list", "ctx.device"],
  prePeriod: { from: new Date(START - 14 * DAY).toISOString(), to: new Date(START).toISOString() },
  guardRails: [
    { name: "fail-open", field: "failOpen", margin: 0.01 },
    { name: "latency", field: "ctx.ms", margin: 5 },
  ],
};

/** Clicks and lists by unit, straight from the lines. */
function unitsOf(lines: readonly string[], arm: string): { clicks: Float64Array; lists: Float64Array } {
  const exposures = lines.map((line) => JSON.parse(line) as Exposure & ListEvent);
  const own = new Map(exposures.filter((one) => one.arm === arm && one.x === "order").map((one) => [one.id, one.u]));
  const units = new Map<string, { clicks: number; lists: number }>();
  for (const u of own.values()) units.set(u, { clicks: 0, lists: (units.get(u)?.lists ?? 0) + 1 });
  for (const { id, type } of exposures) {
    const unit = units.get(own.get(id) ?? "");
    if (unit && type === "click") unit.clicks++;
  }
  const values = [...units.values()];
  return {
    clicks: Float64Array.from(values, ({ clicks }) => clicks),
    lists: Float64Array.from(values, ({ lists }) => lists),
  };
}

test("what an arm that draws two slots would have earned elsewhere is of these two, the others by logit", async () => {
  const policy = (temperature: number, k?: number) =>
    parsePolicy({ policy: "plackett-luce", temperature, ...(k !== undefined && { k }) });
  const lines = generatedLines({
    ...{ seed: 5, units: 6000, evenly: true, candidates: 3, mostLists: 3, clickRate: 0.3 },
    arms: [
      { name: "lr", policy: policy(100), shadow: "deepfm" },
      { name: "deepfm", policy: policy(3, 1), skill: 0.95 },
    ],
  });
  const { metrics, offPolicy } = onlyPhase(await analyzed(lines, { control: "lr" }));
  const own = metrics?.[0]?.arms.find(({ arm }) => arm === "deepfm");
  const whole = offPolicy.find(({ target, slot }) => [target, slot].join() === "arm deepfm,list");
  const [listIps, , rips, , byMarginals] = whole?.estimates ?? [];
  for (const found of [listIps, rips])
    expect(Math.abs((found?.value ?? 9) - (own?.value ?? 0))).toBeLessThan(
      3 * Math.hypot(found?.error ?? 0, own?.error ?? 0),
    );
  expect(byMarginals?.refused).toBe(
    "it needs marginals: of Plackett–Luce of all these slots, or greedy, without pinned slots",
  );
});

describe("an experiment of four arms", () => {
  const lines = [...generatedLines(SETTINGS)];
  let analysis: Analysis;
  let phase: PhaseAnalysis;
  beforeAll(async () => {
    analysis = await analyzed(lines, PLAN, {
      whatIf: [parsePolicy({ policy: "team-draft", rival: "lr" })],
      planEffects: [0.1],
    });
    phase = onlyPhase(analysis);
  });

  test("has the result that its schema says, and that JSON holds", () => {
    expect(v.parse(AnalysisSchema, JSON.parse(JSON.stringify(analysis)))).toEqual(analysis);
  });

  test("is sound, and nothing of it is lost", () => {
    expect(phase.soundness).toMatchObject({ sound: true, reasons: [], movedUnits: 0, bucketsInTwoArms: 0 });
    expect(phase.arms.map(({ arm, units }) => [arm, units])).toEqual([
      ["origin", UNITS / 4],
      ["deepfm", UNITS / 4],
      ["lr", UNITS / 4],
      ["mix", UNITS / 4],
    ]);
    expect(phase.warnings).toEqual(["deepfm names a floating model: 2 versions served it, each is shown alone"]);
    expect(analysis.otherExperiments).toEqual(["before"]);
    expect(analysis.log).toMatchObject({ bad: 0, orphanEvents: 0, lostShare: 0, lines: lines.length });
  });

  test("compares clicks per list as the formulas do on the lines", () => {
    const clicks = phase.metrics?.[0];
    const moments = ["origin", "deepfm"].map((arm) => {
      const { clicks, lists } = unitsOf(lines, arm);
      return momentsOf(linearized(clicks, lists));
    });
    const [control, treatment] = moments;
    if (!control || !treatment) throw new Error("expected two arms");
    const { raw } = clicks?.comparisons.find(({ arm }) => arm === "deepfm") ?? {};
    const [absolute, relative] = [difference(control, treatment), lift(control, treatment)];
    expectNear([raw?.difference.effect ?? 0, raw?.difference.error ?? 0], [absolute.effect, absolute.error], 1e-11);
    expectNear([raw?.lift.effect ?? 0, raw?.lift.error ?? 0], [relative.effect, relative.error], 1e-11);
    expect(clicks).toMatchObject({ primary: true, metric: "clicks" });
    expect(phase.metrics?.map(({ metric }) => metric)).toEqual(["clicks", "ndcg", "revenue"]);
  });

  test("has the fixed test at the planned end, and the sequential one, which is wider", () => {
    for (const { comparisons } of phase.metrics ?? [])
      for (const { raw } of comparisons) {
        const { fixed, sequential } = raw.lift;
        expect(sequential?.low).toBeLessThan(fixed?.low ?? Number.NaN);
        expect(sequential?.high).toBeGreaterThan(fixed?.high ?? Number.NaN);
      }
  });

  test("CUPED by the time before leaves less variance; heavy tails are capped", () => {
    const [clicks, ndcg, revenue] = phase.metrics ?? [];
    expect(clicks?.varianceLeft).toBeLessThan(0.95);
    expect(clicks?.theta).toBeGreaterThan(0);
    for (const { raw, cuped } of clicks?.comparisons ?? [])
      expect(cuped?.lift.error).toBeLessThan(raw.lift.error ?? Number.NaN);
    expect(revenue?.cap).toBeGreaterThan(0);
    const errors = revenue?.comparisons.map(({ raw, winsorized }) => [winsorized?.lift.error, raw.lift.error]) ?? [];
    expect(errors.every(([capped, raw]) => (capped ?? 0) <= (raw ?? 0))).toBe(true);
    expect(errors.some(([capped, raw]) => (capped ?? 0) < 0.95 * (raw ?? 0))).toBe(true);
    expect(ndcg?.cap).toBeNull();
  });

  test("NDCG is that of the slots that were clicked", () => {
    const exposures = lines.map((line) => JSON.parse(line) as Exposure & ListEvent);
    const lists = exposures.filter(({ arm, x }) => arm === "deepfm" && x === "order");
    const clicks = Map.groupBy(
      exposures.filter(({ type }) => type === "click"),
      ({ id }) => id,
    );
    const gain = (slots: readonly number[]): number => slots.reduce((sum, slot) => sum + 1 / Math.log2(slot + 2), 0);
    const sum = lists.reduce((total, { id, cand, shown }) => {
      const slots = (clicks.get(id) ?? []).map(({ item }) => shown.indexOf(cand.indexOf(item)));
      return slots.length === 0 ? total : total + gain(slots) / gain(slots.map((_, rank) => rank));
    }, 0);
    const value = phase.metrics?.[1]?.arms.find(({ arm }) => arm === "deepfm")?.value;
    expectNear([value ?? 0], [sum / lists.length], 1e-12);
  });

  test("adjusts the primary metric by Holm, the others by Benjamini and Hochberg", () => {
    const p = phase.metrics?.map(({ comparisons }) => comparisons.map(({ cuped }) => cuped?.lift.fixed?.p ?? 2)) ?? [];
    const adjusted = phase.metrics?.map(({ comparisons }) => comparisons.map((one) => one.adjusted.fixed ?? 2)) ?? [];
    const [own = [], ...others] = p;
    expect(Math.min(...(adjusted[0] ?? []))).toBeCloseTo(Math.min(1, 3 * Math.min(...own)), 12);
    const [all, found] = [others.flat(), adjusted.slice(1).flat()];
    expect(Math.max(...found)).toBeCloseTo(Math.max(...all), 12);
    expect(all.every((value, i) => value <= (found[i] ?? 0))).toBe(true);
  });

  test("each version of a floating model is compared over its own times", () => {
    expect(phase.versions.map(({ arm, model }) => [arm, model])).toEqual([
      ["deepfm", "deepfm@1123456789abcdef"],
      ["deepfm", "deepfm@0123456789abcdef"],
    ]);
    const lists = phase.versions.map(({ share }) => share);
    expectNear([lists.reduce((sum, share) => sum + share, 0)], [1]);
    for (const { lift } of phase.versions) expect(lift.effect).toBeGreaterThan(0);
  });

  test("the rival wins where it knows more, by clicks of its team", () => {
    const [mix, ...others] = phase.interleaving;
    expect(others).toEqual([]);
    const exposures = lines.map((line) => JSON.parse(line) as Exposure & ListEvent);
    const drafted = new Map(exposures.filter(({ arm }) => arm === "mix").map((line) => [line.id, line]));
    const units = new Map([...drafted.values()].map(({ u }) => [u, 0]));
    for (const { id, type, item } of exposures) {
      const list = drafted.get(id);
      if (type !== "click" || !list) continue;
      const team = list.team?.[list.shown.indexOf(list.cand.indexOf(item))];
      units.set(list.u, (units.get(list.u) ?? 0) + (team === "1" ? 1 : team === "0" ? -1 : 0));
    }
    const count = (sign: number): number => [...units.values()].filter((sum) => Math.sign(sum) === sign).length;
    expect(mix).toMatchObject({ arm: "mix", rival: "deepfm", own: count(-1), forRival: count(1), ties: count(0) });
    expect(mix?.p).toBeLessThan(0.01);
  });

  test("a guard-rail fires where more than its margin failed open, and not where nothing is worse", () => {
    const harmed = phase.guardRails.filter((one) => one.harmed).map(({ guardRail, arm }) => [guardRail, arm]);
    expect(harmed).toEqual([["fail-open", "lr"]]);
    const latency = phase.guardRails.filter(({ guardRail }) => guardRail === "latency");
    for (const { control } of latency) expect(control).toBeCloseTo(30, 0);
  });

  test("what the shadow would have earned is what its own arm earns", () => {
    const own = phase.metrics?.[0]?.arms.find(({ arm }) => arm === "deepfm");
    const whole = phase.offPolicy.find(({ arm, target, slot }) => [arm, target, slot].join() === "lr,arm deepfm,list");
    expect(whole?.estimates.map(({ estimator }) => estimator)).toEqual([
      "IPS of lists",
      "IPS of lists, self-normalized",
      "RIPS",
      "RIPS, self-normalized",
      "IIPS",
    ]);
    // Chance is beyond three errors of a difference once in 370 times.
    for (const { value, error, estimator } of whole?.estimates ?? [])
      expect(Math.abs((value ?? 9) - (own?.value ?? 0)), estimator).toBeLessThan(
        3 * Math.hypot(error ?? 0, own?.error ?? 0),
      );
    const first = phase.offPolicy.find((one) => one.arm === "lr" && one.slot === "first slot");
    expect(first?.estimates.every(({ refused, value }) => refused === null && (value ?? 0) > 0)).toBe(true);
  });

  test("what cannot be estimated is refused with a reason", () => {
    const refused = phase.offPolicy
      .filter((one) => one.refused !== null)
      .map(({ target, refused }) => [target, refused]);
    expect(refused.length).toBeGreaterThan(0);
    for (const [target, reason] of refused) {
      expect(target).toContain("team-draft");
      expect(reason).toContain("which is no policy of one of them");
    }
  });

  test("the last look is the whole log", () => {
    const last = phase.timeline.at(-1);
    expect(last?.units).toEqual({ origin: 500, lr: 500, deepfm: 500, mix: 500 });
    expect(last?.ratioP).toBe(phase.soundness.sequentialP);
    for (const { arm, lift: found } of last?.lifts ?? []) {
      const raw = phase.metrics?.[0]?.comparisons.find((one) => one.arm === arm)?.raw.lift;
      expectNear([found.effect ?? 0, found.error ?? 0], [raw?.effect ?? 1, raw?.error ?? 1], 1e-10);
    }
    expect(phase.timeline.slice(0, -1).every(({ lifts }) => lifts.every(({ lift: one }) => one.fixed === null))).toBe(
      true,
    );
  });

  test("lines are drawn again as they were", () => {
    expect(phase.replay).toEqual({ replayed: 1000, orders: 0, propensities: 0, skipped: 0, examples: [] });
  });

  test("segments are adjusted together, and a lift is planned for", () => {
    expect(new Set(phase.segments.map(({ segment, value }) => `${segment} ${value}`))).toEqual(
      new Set(["list home/top", "list search/results", "ctx.device phone", "ctx.device desktop"]),
    );
    const { arms = [], varianceLeft } = phase.metrics?.[0] ?? {};
    const variance = (arms[0]?.error ?? 0) ** 2 * 500;
    const left = variance * (varianceLeft ?? 1);
    // Of halves: the treatment's variance is a tenth larger, and the control's level has an error.
    const both = 2 * (1.1 * left + 1.2 * left + 0.01 * variance);
    const needed = (both * (1.959963985 + 0.841621234) ** 2) / (0.1 * (arms[0]?.value ?? 0)) ** 2;
    expect(phase.planner.map(({ units }) => units)).toEqual(Array(3).fill(Math.ceil(needed)));
  });
});
