import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { writeEvent } from "../../../../format/event.ts";
import { type Exposure, parseExposure, writeExposure } from "../../../../format/exposure.ts";
import { readFloats, writeFloats } from "../../../../format/floats.ts";
import { parsePolicy } from "../../../../format/policy.ts";
import { MAX_LOG_TIME } from "../../../../format/time.ts";
import { AnalysisSchema } from "../../../../lab/analysis/experiment/result.ts";
import { type GeneratedLog, generatedLines } from "../../../../testing/experiments/generated-log.ts";
import { exampleEvent, exampleExposure } from "../../../../testing/exposures/example-lines.ts";
import { analyzed, onlyPhase } from "./analyzed.ts";

// Logs that have lost something, or that were tampered with. bench/analyze.ts has the larger ones.

const arms = (changes: object): GeneratedLog["arms"] => [
  { name: "origin", policy: null },
  { name: "b", policy: null, ...changes },
];
const small = (changes: object): GeneratedLog => ({
  seed: 9,
  units: 4000,
  evenly: true,
  candidates: 2,
  mostLists: 3,
  arms: arms(changes),
});

describe("an experiment that is not sound shows no metric", () => {
  test("where one arm has lost units, and the days and lists say that it is everywhere", async () => {
    const { soundness, ...phase } = onlyPhase(await analyzed(generatedLines(small({ lostUnits: 0.3 }))));
    expect(soundness.sound).toBe(false);
    expect(soundness.ratio?.p).toBeLessThan(0.001);
    expect(soundness.sequentialP).toBeLessThan(0.001);
    expect(soundness.reasons).toEqual([
      expect.stringMatching(/^units in other proportions than their weights \(χ², p = /),
      expect.stringMatching(/^units in other proportions than their weights \(at any look, p = /),
    ]);
    expect(phase).toMatchObject({ metrics: null, segments: [], guardRails: [], offPolicy: [], interleaving: [] });
    expect(phase.timeline.every(({ lifts }) => lifts.length === 0)).toBe(true);
    const lists = soundness.segments.filter(({ segment }) => segment === "list");
    expect(lists.map(({ p }) => (p ?? 1) < 0.001)).toEqual([true, true]);
  });

  test("where one arm has lost lines of units that stay: lists per unit differ, units do not", async () => {
    const lines = generatedLines(small({ lostLines: 0.15 }));
    const { soundness, metrics } = onlyPhase(await analyzed(lines, {}, { inSpiteOfMismatch: true }));
    expect(soundness.sound).toBe(false);
    expect(metrics).toHaveLength(2);
    const [, b] = soundness.listsPerUnit;
    expect(b).toMatchObject({ arm: "b", ratio: expect.any(Number) });
    expect(b?.ratio).toBeLessThan(0.97);
    expect(soundness.reasons).toContainEqual(
      expect.stringMatching(/^units of b have 0\.\d+ times the lists of origin's/),
    );
  });

  test("where an arm of the plan has no unit, or a unit is of none of its arms", async () => {
    const lines = [...generatedLines({ ...small({}), units: 400 })];
    const missing = onlyPhase(await analyzed(lines, { weights: { origin: 1, b: 1, c: 1 } }));
    expect(missing.soundness.ratio?.p).toBeLessThan(1e-6);
    expect(missing.warnings).toContain("no list of c is in the log");
    const renamed = lines.map((line) => (/"u":"[0-3]/.test(line) ? line.replace('"arm":"b"', '"arm":"bb"') : line));
    const foreign = onlyPhase(await analyzed(renamed, { weights: { origin: 1, b: 1 } }));
    expect(foreign.soundness.reasons).toContain("units of arms without a weight: bb");
  });
});

/** Twenty units of two arms with two lists each, and a click on the first item of every second one. */
function handmade(
  change: (exposure: Exposure, unit: number, list: number) => Partial<Exposure> = () => ({}),
): string[] {
  return Array.from({ length: 40 }, (_, i) => {
    const [unit, list] = [i >> 1, i & 1];
    const own = exampleExposure(3, {
      id: String(i).padStart(30, "i"),
      u: String(unit).padStart(16, "0"),
      arm: unit % 2 === 0 ? "origin" : "deepfm",
      t: 1_767_225_600_000 + 60_000 * i,
      b: unit,
    });
    const exposure = { ...own, ...change(own, unit, list) };
    const click = exampleEvent({ id: exposure.id, item: "10000000", t: exposure.t, received: exposure.t + 5 });
    return unit % 4 < 2 ? [writeExposure(exposure), writeEvent(click)] : [writeExposure(exposure)];
  }).flat();
}

describe("what is left out is counted", () => {
  test("flagged lists, late events, events of other items and of lists that are lost", async () => {
    const lines = handmade((_, unit, list) => ({
      ...(unit === 2 && list === 0 && { flags: "bh" }),
      ...(unit === 3 && { flags: "v", arm: "origin" }),
      ...(unit === 5 && { flags: "s" }),
    }));
    const [first = ""] = lines;
    const { id, t } = parseExposure(first);
    const late = writeEvent(exampleEvent({ id, item: "10000007", t, received: t + 86_400_001 }));
    const foreign = writeEvent(exampleEvent({ id, item: "nothing", t, received: t }));
    const orphan = writeEvent(exampleEvent({ id: "o".repeat(30) }));
    const { log, phases } = await analyzed([...lines, late, foreign, orphan]);
    expect(log).toMatchObject({ lines: 40 + 20 + 3, orphanEvents: 1, lostShare: 1 / 23 });
    expect(phases[0]?.funnel).toEqual({
      lists: 40,
      flagged: { bot: 1, head: 1, prefetch: 0, preview: 2 },
      units: 19,
      unitsInTwoArms: 0,
      listsInTwoArms: 0,
      counted: 37,
      events: { events: 22, foreign: 1, late: 1 },
    });
  });

  test("units in two arms, which stop it where they are more than 1 %, and the buckets that say why", async () => {
    const lines = handmade((_, unit, list) => (unit === 7 && list === 1 ? { arm: "origin" } : {}));
    const { funnel, soundness, arms } = onlyPhase(await analyzed(lines));
    expect(funnel).toMatchObject({ units: 20, unitsInTwoArms: 1, listsInTwoArms: 2, counted: 38 });
    expect(arms.map(({ units }) => units)).toEqual([10, 9]);
    expect(soundness.reasons).toEqual(["5.0 % of the units are in two arms, expected 1 % at most"]);
    const moved = handmade((_, unit) => ({ b: unit >> 1 }));
    expect(onlyPhase(await analyzed(moved)).soundness.bucketsInTwoArms).toBe(10);
  });
});

test("phases are never mixed; units that changed their arm in one bucket had new weights and no new seed", async () => {
  const next = (line: string): string => {
    if (!line.includes('"phase"')) return line.replace("iii", "jjj");
    const own = parseExposure(line);
    const arm = Number(own.u) < 4 ? "deepfm" : own.arm;
    return writeExposure({ ...own, id: own.id.replace("iii", "jjj"), phase: "11111111", t: own.t + 1e8, arm });
  };
  const first = handmade();
  const plan = { prePeriod: { from: "2026-01-01", to: "2026-01-02" } };
  const { phases } = await analyzed([...first, ...first.map(next)], plan);
  expect(phases.map(({ phase, funnel }) => [phase, funnel.counted])).toEqual([
    ["0f1e2d3c", 40],
    ["11111111", 40],
  ]);
  expect(phases.map(({ soundness }) => soundness.movedUnits)).toEqual([0, 2]);
  // The first phase was in the first hour of 2026: it is before the second one, and not before itself.
  const [early, late] = phases;
  expect(late?.metrics?.[0]?.comparisons[0]?.cuped).not.toBeNull();
  expect(early?.warnings).toContainEqual(expect.stringContaining("there is no CUPED"));
  const one = onlyPhase(await analyzed([...first, ...first.map(next)], {}, { phase: "11111111" }));
  expect(one).toMatchObject({ phase: "11111111", funnel: { counted: 40 } });
});

test("lines that are kept with another probability count as many as they stand for", async () => {
  // Units below 8 are kept with 0.5: their lists count twice.
  const { metrics, arms } = onlyPhase(await analyzed(handmade((_, unit) => ({ keep: unit < 8 ? 0.5 : 1 }))));
  const weighted = (parity: number): number => {
    const units = Array.from({ length: 20 }, (_, unit) => unit).filter((unit) => unit % 2 === parity);
    const sum = (of: (unit: number) => number): number => units.reduce((total, unit) => total + of(unit), 0);
    const weight = (unit: number): number => (unit < 8 ? 2 : 1);
    return sum((unit) => weight(unit) * (unit % 4 < 2 ? 2 : 0)) / sum((unit) => 2 * weight(unit));
  };
  expect(metrics?.[0]?.arms.map(({ value }) => value)).toEqual(
    [weighted(0), weighted(1)].map((value) => expect.closeTo(value, 12)),
  );
  expect(arms.map(({ units }) => units)).toEqual([10, 10]);
});

test("lines that were changed do not replay", async () => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 3 });
  const lines = [...generatedLines({ ...small({ policy, skill: 0.5 }), units: 60 })];
  const add = (text: string, more: number): string =>
    writeFloats([...readFloats(text, "")].map((z, i) => z + i * more));
  const changes: ((exposure: Exposure) => object)[] = [
    ({ logits = "" }) => ({ logits: add(logits, 1 / 64) }),
    ({ shown }) => ({ shown: shown.toReversed() }),
    ({ p }) => ({ p: add(p, -1e-6) }),
    ({ lp }) => ({ lp: lp - 1e-3 }),
    () => ({ logits: undefined }),
  ];
  const own = lines.flatMap((line, i) => (line.includes('"arm":"b"') ? [i] : []));
  const ids = changes.map((change, n) => {
    const at = own[n] ?? 0;
    const exposure = parseExposure(lines[at] ?? "");
    // A first slot's propensity is the one that a change by its number leaves as it is.
    lines[at] = JSON.stringify({ ...exposure, ...change(exposure) });
    return exposure.id;
  });
  const { replay } = onlyPhase(await analyzed(lines));
  expect(replay).toMatchObject({ orders: 1, propensities: 3, skipped: 1, replayed: own.length - 1 });
  expect(replay.examples).toHaveLength(3);
  expect(ids).toEqual(expect.arrayContaining(replay.examples));
});

test("a line whose propensities are none costs no analysis its off-policy estimates", async () => {
  const policy = parsePolicy({ policy: "plackett-luce", temperature: 1, k: 3 });
  const lines = [...generatedLines({ ...small({ policy, skill: 0.5 }), units: 60 })];
  const own = lines.findIndex((line) => line.includes('"arm":"b"'));
  const options = { whatIf: [parsePolicy({ policy: "greedy" })], inSpiteOfMismatch: true };
  const listsOf = async () => onlyPhase(await analyzed(lines, {}, options)).offPolicy[0]?.lists ?? 0;
  const before = await listsOf();
  const p = writeFloats([Number.NaN, Number.NEGATIVE_INFINITY]);
  lines[own] = JSON.stringify({ ...parseExposure(lines[own] ?? ""), p });
  expect(before).toBeGreaterThan(10);
  expect(await listsOf()).toBe(before - 1);
});

test("a log with hardly anything in it has a result, with null for what nobody can know", async () => {
  const nothing = generatedLines({ ...small({}), units: 100, clickRate: 0 });
  const none = onlyPhase(await analyzed(nothing, { plannedUnits: 100 }, { planEffects: [0.1] }));
  const unknown = { effect: null, error: null, fixed: null, sequential: null };
  expect(none.metrics?.[0]).toMatchObject({ comparisons: [{ arm: "b", raw: { lift: unknown } }] });
  expect(none.planner).toEqual([]);
  const [line = ""] = generatedLines(small({}));
  const plan = { segments: ["ctx.none", "worker"], guardRails: [{ name: "none", field: "ctx.none" }] };
  const { metrics, soundness, guardRails } = onlyPhase(await analyzed([line], plan));
  expect(metrics).toMatchObject([{ arms: [{ arm: "origin", error: null }], comparisons: [] }]);
  expect(soundness).toMatchObject({ sound: true, ratio: null, sequentialP: null });
  expect(guardRails).toEqual([]);
});

test("lists at the last time that there is, and a context that is no number, cost no analysis its result", async () => {
  const lines = [...generatedLines(small({}))];
  const ms = (line: string, text: string) => line.replace(/"ms":\d+/, `"ms":${text}`);
  const texts = ['"NaN"', "1e200", "-1.7e308", "1e999", "30"];
  const odd = lines.map((line, i) => ms(line.replace(/"t":\d+/, `"t":${MAX_LOG_TIME}`), texts[i % 7] ?? "30"));
  const plan = { guardRails: [{ name: "latency", field: "ctx.ms" }] };
  const analysis = await analyzed(odd, plan);
  expect(v.parse(AnalysisSchema, analysis)).toEqual(analysis);
  const { to, timeline, guardRails } = onlyPhase(analysis);
  expect([to, timeline.at(0)?.at]).toEqual(["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"]);
  expect(guardRails).toMatchObject([{ control: 30, treatment: 30, error: 0 }]);
});

test("names and values that differ in U+FEFF at their beginning are two", async () => {
  const marked = "\uFEFFhomepage-order";
  const lines = handmade((_, unit) => ({ x: marked, ctx: { device: unit % 4 < 2 ? "\uFEFFphone" : "phone" } }));
  const { experiment, phases } = await analyzed(lines, { segments: ["ctx.device"] });
  expect(experiment).toBe(marked);
  expect(new Set(phases[0]?.segments.map(({ value }) => value))).toEqual(new Set(["phone", "\uFEFFphone"]));
  const devices = phases[0]?.soundness.segments.filter(({ segment }) => segment === "ctx.device");
  expect(new Set(devices?.map(({ value }) => value))).toEqual(new Set(["phone", "\uFEFFphone"]));
});

test("what the log has not is an error that names what it has", async () => {
  const lines = handmade();
  const two = [...lines, writeExposure(exampleExposure(3, { x: "other", id: "z".repeat(30) }))];
  await expect(analyzed(two)).rejects.toThrow(
    'got the experiments "homepage-order", "other", expected to be told which',
  );
  await expect(analyzed(two, { experiment: "third" })).rejects.toThrow(
    'got no line of "third", expected one of "homepage-order"',
  );
  await expect(analyzed(lines, {}, { phase: "22222222" })).rejects.toThrow("expected one of 0f1e2d3c");
  await expect(analyzed(lines, { control: "lr" })).rejects.toThrow(
    'control: got "lr", expected one of "deepfm", "origin"',
  );
  await expect(analyzed(lines, { weights: { origin: 0 } })).rejects.toThrow(/weights: .*expected a weight above 0/);
  const twice = handmade((_, unit) => ({ u: "0".repeat(16), arm: unit % 2 ? "origin" : "deepfm" }));
  await expect(analyzed(twice)).rejects.toThrow("that counts: all are flagged, or of units in two arms");
  await expect(analyzed(["{}"])).rejects.toThrow(/line 1: no line of the log is a good exposure; the first: v/);
});

test("lists of one arm that ask for other numbers of slots are of one policy, and of one interleaving", async () => {
  const policy = (k: number) => parsePolicy({ policy: "team-draft", rival: "lr", k });
  const draft = (_: Exposure, unit: number, list: number): Partial<Exposure> =>
    unit % 2 === 0 ? {} : { policy: policy(2 + list), team: "01", coins: "0", shown: [0, 1, 2] };
  const { arms, interleaving } = onlyPhase(await analyzed(handmade(draft)));
  expect(arms.find(({ arm }) => arm === "deepfm")?.policies).toEqual(['{"policy":"team-draft","rival":"lr"}']);
  // Every second unit of the arm clicks on the first item, which its own team has picked.
  expect(interleaving).toMatchObject([{ arm: "deepfm", rival: "lr", own: 5, forRival: 0, ties: 5 }]);
});
