import { createHash } from "node:crypto";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { Exposure } from "../../../../format/exposure.ts";
import { writeFloats } from "../../../../format/floats.ts";
import { type Policy, parsePolicy } from "../../../../format/policy.ts";
import { AnalysisSchema } from "../../../../lab/analysis/experiment/result.ts";
import { analyzed, onlyPhase } from "./analyzed.ts";
import { CLICK, ITEMS, type UnitList, unitLines } from "./unit-lines.ts";

/** Every n-th unit of an arm clicks. */
function clicking(every: Readonly<Record<string, number>>, exposure: Partial<Exposure> = {}) {
  return (arm: string, unit: number): UnitList[] => [
    { exposure, events: unit % (every[arm] ?? 1) === 0 ? [CLICK] : [] },
  ];
}

describe("arms that a phase has not", () => {
  test("a control without a unit is nothing to compare with, although there are other arms", async () => {
    const lines = unitLines({ a: 600, b: 600 }, clicking({ a: 5, b: 3 }));
    const plan = { control: "origin", weights: { origin: 1, a: 1, b: 1 } };
    const analysis = await analyzed(lines, plan, { inSpiteOfMismatch: true, planEffects: [0.1] });
    expect(v.parse(AnalysisSchema, JSON.parse(JSON.stringify(analysis)))).toEqual(analysis);
    const { metrics, segments, guardRails, planner, timeline, soundness } = onlyPhase(analysis);
    expect(metrics?.[0]).toMatchObject({ arms: [{ arm: "a", value: 0.2 }, { arm: "b" }], comparisons: [] });
    expect({ segments, guardRails, planner }).toEqual({ segments: [], guardRails: [], planner: [] });
    expect(timeline.every(({ lifts }) => lifts.length === 0)).toBe(true);
    // It has lost all units for the test that may look at any time, too.
    expect(soundness.sequentialP).toBeLessThan(1e-6);
    expect(timeline.at(-1)?.units).toEqual({ origin: 0, a: 600, b: 600 });
  });

  test("a plan for arms of another phase finds all of this one's foreign", async () => {
    const lines = unitLines({ origin: 30, a: 30 }, clicking({}));
    const analysis = await analyzed(lines, { weights: { base: 1, b: 1 } });
    expect(v.parse(AnalysisSchema, JSON.parse(JSON.stringify(analysis)))).toEqual(analysis);
    const { soundness, metrics } = onlyPhase(analysis);
    expect(soundness).toMatchObject({ ratio: { chiSquare: 0, p: 1 }, segments: [] });
    expect(soundness.reasons).toEqual(["units of arms without a weight: a, origin"]);
    expect(metrics).toBeNull();
  });

  test("a foreign arm's own lists take no p-value from the others", async () => {
    const listOf = (arm: string, unit: number) => (arm === "zz" ? "zz" : unit < 200 ? "other" : "home");
    const lines = unitLines({ origin: 500, a: 300, zz: 20 }, (arm, unit) => [
      { exposure: { list: listOf(arm, unit) } },
    ]);
    const { soundness } = onlyPhase(await analyzed(lines, { weights: { origin: 1, a: 1 } }));
    const found = soundness.segments.map(({ segment, value, p }) => [segment, value, (p ?? Number.NaN) < 0.001]);
    expect(found).toEqual([
      ["list", "home", true],
      ["list", "other", false],
    ]);
  });

  test("of a phase that has not the planned control nothing is compared, and of others what they have", async () => {
    const first = unitLines({ a: 4 }, clicking({}, { phase: "11111111" }));
    const second = unitLines({ c: 4, d: 4 }, clicking({}, { phase: "22222222", t: 1_767_300_000_000 }));
    const third = unitLines({ base: 40, b: 40 }, clicking({ b: 10 }, { phase: "33333333", t: 1_767_400_000_000 }));
    const lines = [...first, ...second, ...third];
    const analysis = await analyzed(lines, { control: "base" });
    expect(v.parse(AnalysisSchema, JSON.parse(JSON.stringify(analysis)))).toEqual(analysis);
    const told = analysis.phases.map(({ phase, control, soundness, metrics }) => ({
      ...{ phase, control, sound: soundness.sound, ratio: soundness.ratio?.p ?? null },
      compared: metrics?.[0]?.comparisons.map(({ arm }) => arm),
    }));
    expect(told).toEqual([
      { phase: "11111111", control: "base", sound: true, ratio: null, compared: [] },
      { phase: "22222222", control: "base", sound: true, ratio: 1, compared: [] },
      { phase: "33333333", control: "base", sound: true, ratio: 1, compared: ["b"] },
    ]);
    expect(analysis.phases.map(({ warnings }) => warnings.includes("no list of base is in the log"))).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("a control that no phase has is an error, as is one that the only phase asked for has not", async () => {
    const first = unitLines({ origin: 2, a: 2 }, clicking({}, { phase: "11111111" }));
    const second = unitLines({ base: 2, b: 2 }, clicking({}, { phase: "22222222" }));
    const lines = [...first, ...second];
    const missing = 'phase 11111111: control: got "bace", expected one of "a", "origin"';
    await expect(analyzed(lines, { control: "bace" })).rejects.toThrow(missing);
    await expect(analyzed(lines, { control: "base" }, { phase: "11111111" })).rejects.toThrow('control: got "base"');
    const one = await analyzed(lines, { control: "base" }, { phase: "22222222" });
    expect(onlyPhase(one).control).toBe("base");
  });
});

test("a list counts as many as it stands for, where more or fewer lines are kept from some time on", async () => {
  // Of all units at first, when a tenth of the lists is clicked; then of every tenth, and three or four tenths are.
  const early = { exposure: { keep: 1 } };
  const late = { exposure: { keep: 0.1, t: 1_767_300_000_000 } };
  const lines = unitLines({ origin: 600, a: 600 }, (arm, unit) => {
    const clicked = unit % 10 === 1 ? [CLICK] : [];
    const more = (unit / 10) % 10 < (arm === "a" ? 4 : 3) ? [CLICK] : [];
    return unit % 10 === 0 ? [early, { ...late, events: more }] : [{ ...early, events: clicked }];
  });
  const plan = { guardRails: [{ name: "clicks", field: "failOpen" }], plannedUnits: 1200 };
  const { metrics, timeline, segments } = onlyPhase(await analyzed(lines, plan));
  const values = metrics?.[0]?.arms.map(({ value }) => value);
  expect(values).toEqual([expect.closeTo((0.1 + 0.3) / 2, 12), expect.closeTo((0.1 + 0.4) / 2, 12)]);
  const lift = metrics?.[0]?.comparisons[0]?.raw.lift;
  expect(lift?.effect).toBeCloseTo(0.25, 12);
  for (const other of [timeline.at(-1)?.lifts[0]?.lift, segments[0]?.lift]) {
    expect(other?.effect).toBeCloseTo(lift?.effect ?? Number.NaN, 12);
    expect(other?.error).toBeCloseTo(lift?.error ?? Number.NaN, 12);
  }
});

test("so it does in what another policy would have earned", async () => {
  const policy = parsePolicy({ policy: "epsilon-greedy", epsilon: 1, k: 1 });
  const drawn = { policy, model: "lr@0123456789abcdef", logits: writeFloats([1, 0]), p: writeFloats([Math.log(0.5)]) };
  const lines = unitLines({ lr: 600 }, (_, unit) => {
    const [keep, clicked] = unit < 400 ? [1, unit % 10 === 0] : [0.25, unit % 2 === 0];
    // Halves of the units, on which reward models are fitted, are by hashes: both have clicks.
    const u = createHash("sha256").update(String(unit)).digest("hex").slice(0, 16);
    const exposure = { ...drawn, keep, u, shown: unit % 4 < 2 ? [0, 1] : [1, 0] };
    return [{ exposure, events: clicked ? [CLICK] : [] }];
  });
  const { offPolicy } = onlyPhase(await analyzed(lines, {}, { whatIf: [policy] }));
  const first = offPolicy.find(({ slot }) => slot === "first slot");
  // The logged policy itself: every weight is 1. Clicks are on the first item, which every second list has first.
  const clicksFirst = (from: number, to: number, every: number): number =>
    Array.from({ length: to - from }, (_, i) => from + i).filter((unit) => unit % every === 0 && unit % 4 < 2).length;
  const expected = (clicksFirst(0, 400, 10) + 4 * clicksFirst(400, 600, 2)) / (400 + 4 * 200);
  expect(first?.observed).toBeCloseTo(expected, 12);
  for (const { value } of first?.estimates ?? []) expect(value).toBeCloseTo(expected, 3);
  expect(first?.estimates).toHaveLength(5);
});

test("lists that stand for many others are few, whatever number there is of those that stand for none", async () => {
  const policy = parsePolicy({ policy: "epsilon-greedy", epsilon: 1, k: 1 });
  const drawn = { policy, model: "lr@0123456789abcdef", logits: writeFloats([1, 0]), p: writeFloats([Math.log(0.5)]) };
  const lines = unitLines({ lr: 1030 }, (_, unit) => {
    const shown = unit % 2 === 0 ? [0, 1] : [1, 0];
    return [{ exposure: { ...drawn, keep: unit < 1000 ? 1 : 0.01, shown }, events: unit % 3 === 0 ? [CLICK] : [] }];
  });
  const { offPolicy } = onlyPhase(await analyzed(lines, {}, { whatIf: [policy] }));
  const first = offPolicy.find(({ slot }) => slot === "first slot");
  // 1,000 lists of weight 1, and 30 of weight 100.
  const size = (1000 + 30 * 100) ** 2 / (1000 + 30 * 100 ** 2);
  expect(size).toBeLessThan(100);
  expect(first?.estimates.map(({ refused }) => refused)).toContainEqual(expect.stringContaining(size.toFixed(1)));
});

test("revenue in whatever currency has the same lift, with the same tests", async () => {
  const metrics = [{ name: "revenue", event: "revenue", of: "value" }];
  // Each currency is a phase of its own.
  const currencies = [1, -1, 1e-100, 1e13];
  const lines = currencies.flatMap((unitOfMoney, i) =>
    unitLines({ origin: 520, a: 520 }, (arm, unit) => [
      {
        exposure: { phase: String(i).repeat(8) },
        events: [{ type: "revenue", value: unitOfMoney * (1 + (unit % 5)) * (arm === "a" ? 2 : 1) }],
      },
    ]),
  );
  const { phases } = await analyzed(lines, { metrics, plannedUnits: 1040 });
  const [one, ...others] = phases.map((phase) => phase.metrics?.[0]?.comparisons[0]?.raw.lift);
  expect(one?.effect).toBeCloseTo(1, 12);
  for (const [i, scale] of currencies.slice(1).entries()) {
    const { effect, error, fixed, sequential } = others[i] ?? {};
    // Twice the losses are a lift of −100 %.
    const sign = Math.sign(scale);
    expect([(effect ?? 9) * sign, error]).toEqual([expect.closeTo(1, 12), expect.closeTo(one?.error ?? 9, 12)]);
    expect([fixed?.p, sequential?.p].map((p) => Math.log(p ?? 9))).toEqual(
      [one?.fixed?.p, one?.sequential?.p].map((p) => expect.closeTo(Math.log(p ?? 9), 8)),
    );
  }
});

test("of what the log's policy never shows nothing is known, whatever chance puts elsewhere", async () => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 2, pinned: [0] });
  const exposure = {
    ...{ policy, model: "lr@0123456789abcdef", cand: ["10000000", "a", "b"], logits: writeFloats([0, 1, 1]) },
    p: writeFloats([0, Math.log(0.5)]),
  };
  const lines = unitLines({ lr: 300 }, (_, unit) => [
    { exposure: { ...exposure, shown: unit % 2 ? [0, 1, 2] : [0, 2, 1] }, events: unit % 3 ? [] : [CLICK] },
  ]);
  const asked = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 2 });
  const refusals = async (log: readonly string[], ...whatIf: Policy[]) => {
    const { offPolicy } = onlyPhase(await analyzed(log, {}, { whatIf }));
    for (const { observed } of offPolicy) expect(observed).toBeGreaterThan(0);
    return offPolicy.map(({ slot, estimates }) => {
      const told = estimates.map(({ value, refused }) => refused ?? (value === null ? "null" : "known"));
      return [slot, new Set(told)];
    });
  };
  const never = "the policy of the log never shows some of what this one would: it pins slots, or drafts teams";
  const marginals = "it needs marginals: of Plackett–Luce of all these slots, or greedy, without pinned slots";
  const unknown = [
    ["list", new Set([never, marginals])],
    ["first slot", new Set([never])],
  ];
  // Who has the same pins differs in the other slots, of which there is chance.
  const greedy = "the logging policy was greedy: nothing is known of what it did not show";
  expect(await refusals(lines, asked, policy)).toEqual([
    ...unknown,
    ["list", new Set(["known", marginals])],
    ["first slot", new Set([greedy])],
  ]);
  // Two models take turns: the best of one of them is in the first slot, and nothing else.
  const draft = parsePolicy({ policy: "team-draft", rival: "fm", k: 2 });
  const drafted = unitLines({ lr: 300 }, (_, unit) => [
    {
      exposure: { ...exposure, policy: draft, p: writeFloats([Math.log(0.5), 0]), shown: unit % 2 ? [0, 1] : [1, 0] },
      events: unit % 6 < 2 ? [CLICK] : [],
    },
  ]);
  expect(await refusals(drafted, asked)).toEqual(unknown);
  // The best of what another one leaves free may be neither model's.
  expect(await refusals(drafted, parsePolicy({ policy: "greedy", pinned: [1] }))).toEqual([
    ["list", new Set([never, marginals])],
    ["first slot", new Set([never])],
  ]);
});

describe("values that are alike", () => {
  const revenue = { metrics: [{ name: "revenue", event: "revenue", of: "value" }] };

  test.each([
    ["revenue of 9.99 of every unit", revenue, (): UnitList[] => [{ events: [{ type: "revenue", value: 9.99 }] }]],
    [
      "the same NDCG of every list",
      { primary: "ndcg" },
      (): UnitList[] => [{ events: [{ ...CLICK, item: ITEMS[1] }] }],
    ],
    [
      "a click in every third list",
      {},
      (_: string, unit: number): UnitList[] =>
        Array.from({ length: 3 * (1 + (unit % 2)) }, (_, list) => ({ events: list % 3 === 0 ? [CLICK] : [] })),
    ],
  ])("have no error by rounding, and so no test: %s", async (_, plan, listsOf) => {
    const lines = unitLines({ origin: 520, a: 560 }, listsOf);
    const { metrics, timeline } = onlyPhase(await analyzed(lines, { ...plan, plannedUnits: 1000 }));
    const [{ raw } = { raw: null }] = metrics?.find(({ primary }) => primary)?.comparisons ?? [];
    const none = { effect: expect.closeTo(0, 12), error: 0, fixed: null, sequential: null };
    expect(raw).toEqual({ difference: none, lift: none });
    expect(timeline.at(-1)?.lifts).toEqual([{ arm: "a", lift: none, fixedAtAnyLook: null }]);
  });

  test("of a treatment in which nobody clicks, the difference says that there is an effect", async () => {
    const lines = unitLines({ origin: 600, a: 600 }, clicking({ origin: 3, a: 1000 }));
    const nobody = lines.filter((line, i) => !(line.includes('"type":"click"') && lines[i - 1]?.includes('"arm":"a"')));
    const { metrics } = onlyPhase(await analyzed(nobody, { plannedUnits: 1200 }));
    const [{ raw, adjusted } = { raw: null, adjusted: null }] = metrics?.[0]?.comparisons ?? [];
    const { fixed, sequential } = raw?.difference ?? {};
    expect(raw?.lift).toEqual({
      effect: -1,
      error: 0,
      fixed: { low: null, high: null, p: fixed?.p },
      sequential: { low: null, high: null, p: sequential?.p },
    });
    expect(adjusted?.sequential).toBeLessThan(1e-6);
  });

  test("one unit that failed open is no harm that anybody knows of", async () => {
    const failed: UnitList = { exposure: { served: "origin", why: "model" } };
    const { guardRails } = onlyPhase(
      await analyzed(unitLines({ origin: 1, a: 1 }, (arm) => [arm === "a" ? failed : {}])),
    );
    expect(guardRails).toMatchObject([
      { guardRail: "fail-open", control: 0, treatment: 1, effect: 1, error: null, p: null, harmed: false },
      { guardRail: "degraded", harmed: false },
    ]);
  });
});

test("what comes of a list of the time before when an arm may have changed it already is no covariate", async () => {
  const [before, since] = [Date.UTC(2025, 11, 20), Date.UTC(2026, 0, 2)];
  const bought = (unit: number, received: number) =>
    unit % 3 === 0 ? [{ type: "conversion" as const, t: received, received }] : [];
  const thetaOf = async (received: number) => {
    const lines = unitLines({ origin: 60, a: 60 }, (_, unit) => [
      { exposure: { x: "earlier", t: before + 6 * 86_400_000 }, events: bought(unit, received) },
      { exposure: { t: since }, events: bought(unit, since + 5) },
    ]);
    const plan = {
      experiment: "homepage-order",
      primary: "conversions",
      prePeriod: { from: "2025-12-20", to: "2026-01-01" },
    };
    return onlyPhase(await analyzed(lines, plan)).metrics?.find(({ primary }) => primary)?.theta;
  };
  expect(await thetaOf(before + 10 * 86_400_000)).toBeCloseTo(1, 12);
  expect(await thetaOf(since + 1000)).toBe(0);
});

test("fields of the context whose names differ in the case of a letter are two", async () => {
  const ctx = (arm: string): UnitList[] => [{ exposure: { ctx: { ms: 5, MS: arm === "a" ? 9 : 7, Ms: "slow" } } }];
  const plan = {
    segments: ["ctx.Ms", "ctx.ms"],
    guardRails: [
      { name: "lower", field: "ctx.ms" },
      { name: "upper", field: "ctx.MS" },
    ],
  };
  const { segments, guardRails } = onlyPhase(await analyzed(unitLines({ origin: 3, a: 3 }, ctx), plan));
  expect(segments.map(({ segment, value }) => [segment, value])).toEqual([
    ["ctx.Ms", "slow"],
    ["ctx.ms", "5"],
  ]);
  expect(guardRails.map(({ control, treatment }) => [control, treatment])).toEqual([
    [5, 5],
    [7, 9],
  ]);
});

test("lists without a field are where the dash stands for none, with those whose field is a dash", async () => {
  const devices = [{ device: "–" }, {}, { device: "phone" }];
  const lines = unitLines({ origin: 3, a: 3 }, (_, unit) => [{ exposure: { ctx: devices[unit] ?? {} } }]);
  const { soundness } = onlyPhase(await analyzed(lines, { segments: ["ctx.device"] }));
  expect(soundness.segments.map(({ value, units: own }) => [value, own.origin])).toEqual([
    ["–", 2],
    ["phone", 1],
  ]);
});

test("a preview of an earlier phase moved no unit", async () => {
  const before = (flags?: string) =>
    unitLines({ a: 4 }, () => [{ exposure: { arm: "b", phase: "11111111", ...(flags && { flags }) } }]);
  const own = unitLines({ a: 4, b: 4 }, () => [{ exposure: { t: 1_767_300_000_000 } }]);
  const movedUnits = async (lines: readonly string[]): Promise<number | undefined> =>
    onlyPhase(await analyzed(lines, {}, { phase: "0f1e2d3c" })).soundness.movedUnits;
  expect(await movedUnits([...before(), ...own])).toBe(4);
  expect(await movedUnits([...before("v"), ...own])).toBe(0);
});

describe("a time before the experiment that says nothing of an arm", () => {
  const prePeriod = { from: "2025-12-20", to: "2026-01-01" };
  const plan = { experiment: "homepage-order", plannedUnits: 180, prePeriod };
  /** Every second unit clicks before, and all but some of them now; `wasThere`: the units of an arm that were there. */
  const lifts = async (wasThere: Readonly<Record<string, (unit: number) => boolean>>) => {
    const lines = unitLines({ origin: 60, a: 60, b: 60 }, (arm, unit) => {
      const events = unit % 2 === 0 ? [CLICK] : [];
      const before = { exposure: { x: "earlier", t: Date.UTC(2025, 11, 25) }, events };
      const now = { exposure: { t: Date.UTC(2026, 0, 2) }, events: unit % 5 === 0 ? [] : events };
      return [...(wasThere[arm]?.(unit) ? [before] : []), now];
    });
    const { metrics, warnings } = onlyPhase(await analyzed(lines, plan));
    const [metric] = metrics ?? [];
    return {
      theta: metric?.theta,
      cuped: metric?.comparisons.map(({ cuped }) => cuped?.lift.effect ?? null),
      adjusted: metric?.comparisons.map(({ adjusted }) => adjusted.fixed),
      warnings: warnings.filter((warning) => warning.includes("CUPED")),
    };
  };
  const all = () => true;

  test("leaves that arm as it is, and adjusts the others", async () => {
    const none = await lifts({ origin: all, b: all });
    expect(none).toEqual({
      theta: expect.closeTo(0.8, 9),
      cuped: [null, expect.closeTo(0, 9)],
      adjusted: [1, 1],
      warnings: ["no unit of a has a list in the pre-period: there is no CUPED of it"],
    });
    // Of one unit nobody knows how far its mean is off.
    const one = await lifts({ origin: all, a: (unit) => unit === 4, b: all });
    expect(one).toEqual({ ...none, warnings: [] });
  });

  test("leaves all as they are where it is the control, or where no unit differed", async () => {
    const control = await lifts({ a: all, b: all });
    expect(control).toMatchObject({ theta: null, cuped: [null, null], adjusted: [1, 1] });
    expect(control.warnings).toEqual(["no unit of origin has a list in the pre-period: there is no CUPED"]);
    const even = (unit: number) => unit % 2 === 0;
    expect(await lifts({ origin: even, a: even, b: even })).toMatchObject({ theta: 0, cuped: [0, 0], warnings: [] });
  });
});

test("an item at a rank to which its logits do not let it come costs an analysis one estimate, not all", async () => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 0.01, k: 2 });
  const exposure = {
    ...{ policy, model: "lr@0123456789abcdef", cand: [...ITEMS, "b"], logits: writeFloats([10, -10, 0]) },
    ...{ p: writeFloats([-0.5, -0.5]), lp: -1 },
  };
  const lines = unitLines({ lr: 200 }, (_, unit) => [
    { exposure: { ...exposure, shown: unit % 2 ? [0, 1, 2] : [1, 0, 2] }, events: unit % 3 ? [] : [CLICK] },
  ]);
  const whatIf = [parsePolicy({ policy: "plackett-luce", temperature: 100, k: 2 })];
  const { offPolicy } = onlyPhase(await analyzed(lines, {}, { whatIf }));
  const estimates = offPolicy.find(({ slot }) => slot === "list")?.estimates ?? [];
  const refused = Object.fromEntries(estimates.map((one) => [one.estimator, one.refused]));
  expect(refused).toEqual({
    ...{ "IPS of lists": null, "IPS of lists, self-normalized": null, RIPS: null, "RIPS, self-normalized": null },
    IIPS: "by the logits in the log, an item was shown at a rank to which it could not come",
  });
});

test("a log without a click says what another policy had earned, and not how far that is off", async () => {
  const policy = parsePolicy({ policy: "epsilon-greedy", epsilon: 1, k: 1 });
  const drawn = { policy, model: "lr@0123456789abcdef", logits: writeFloats([1, 0]), p: writeFloats([Math.log(0.5)]) };
  const lines = unitLines({ lr: 200 }, (_, unit) => [{ exposure: { ...drawn, shown: unit % 2 ? [0, 1] : [1, 0] } }]);
  const { offPolicy } = onlyPhase(await analyzed(lines, {}, { whatIf: [policy] }));
  const [list] = offPolicy;
  expect(list?.estimates).toContainEqual(
    expect.objectContaining({ estimator: "RIPS", value: 0, error: 0, normal: null, bootstrap: null, refused: null }),
  );
});

test("gains and losses that come to nothing but for rounding are no level that a lift could be of", async () => {
  const metrics = [{ name: "revenue", event: "revenue", of: "value" }];
  const lines = unitLines({ origin: 300, a: 300 }, (_, unit) => [
    { events: [{ type: "revenue", value: [0.1, 0.2, -0.3][unit % 3] ?? 0 }] },
  ]);
  const found = onlyPhase(await analyzed(lines, { metrics, plannedUnits: 600 }, { planEffects: [0.1] }));
  const none = { effect: null, error: null, fixed: null, sequential: null };
  expect(found.metrics?.[0]?.comparisons[0]?.raw).toMatchObject({ lift: none, difference: { fixed: { p: 1 } } });
  expect(found.timeline.at(-1)?.lifts[0]?.lift).toEqual(none);
  expect(found.planner).toEqual([]);
});

test("a policy that pins a slot is judged in those before it by all lists, and not only by those that have it so", async () => {
  const policy = parsePolicy({ policy: "epsilon-greedy", epsilon: 1 });
  const orders = [0, 1, 2].flatMap((a) => [0, 1, 2].flatMap((b) => (a === b ? [] : [[a, b, 3 - a - b]])));
  const cand = ["a", ITEMS[0], "c"];
  const p = [1 / 3, 1 / 2, 1].map(Math.log);
  const drawn = { policy, cand, logits: writeFloats([2, 1, 0]), p: writeFloats(p), lp: p[0] + p[1] };
  // Every order as often, and in every second list of it a click on what is first.
  const lines = unitLines({ lr: 2400 }, (_, unit) => {
    const shown = orders[unit % 6];
    const u = createHash("sha256").update(String(unit)).digest("hex").slice(0, 16);
    const exposure = { ...drawn, model: "lr@0123456789abcdef", u, shown };
    return [{ exposure, events: Math.floor(unit / 6) % 2 === 0 ? [{ ...CLICK, item: cand[shown[0]] }] : [] }];
  });
  const pinned = parsePolicy({ policy: "greedy", pinned: [1] });
  const { offPolicy } = onlyPhase(await analyzed(lines, {}, { whatIf: [pinned] }));
  expect(offPolicy.map(({ slot }) => slot)).toEqual(["list", "first slot"]);
  for (const { estimates } of offPolicy)
    for (const { estimator, value, meanWeight, refused } of estimates) {
      if (estimator === "IIPS") continue;
      expect({ estimator, refused }).toEqual({ estimator, refused: null });
      expect(meanWeight).toBeCloseTo(1, 6);
      expect(value).toBeCloseTo(0.5, 2);
    }
});
