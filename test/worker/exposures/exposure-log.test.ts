import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Exposure, parseExposure } from "../../../format/exposure.ts";
import { readFloats, writeFloats } from "../../../format/floats.ts";
import { exampleExposure } from "../../../testing/exposures/example-lines.ts";
import { seeded } from "../../../testing/format/random.ts";
import { ExposureLog } from "../../../worker/exposures/exposure-log.ts";
import * as limits from "../../../worker/exposures/limits.ts";
import type { LineSink } from "../../../worker/exposures/line-sink.ts";
import { LogSettingsReader } from "../../../worker/exposures/log-settings.ts";
import { pipelineSink } from "../../../worker/exposures/pipeline-sink.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { expositionOf } from "../../../worker/metrics/exposition.ts";
import { settingsOf } from "../../../worker/settings/app-options.ts";
import { loggedErrors } from "../client.ts";

const decoder = new TextDecoder();

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T00:00:00Z"), toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A sink that takes lines, fails, or does not answer, as `behaviour` says of each call. */
class TrialSink implements LineSink {
  readonly calls: Exposure[][] = [];
  behaviour: (call: number) => "take" | "fail" | "hang" | "take and fail" = () => "take";
  #calls = 0;

  send(_kind: string, lines: readonly Uint8Array[]): Promise<void> {
    const what = this.behaviour(this.#calls++);
    if (what === "take" || what === "take and fail")
      this.calls.push(lines.map((line) => parseExposure(decoder.decode(line))));
    if (what === "hang") return new Promise(() => {});
    if (what !== "take") throw new Error("the sink is down"); // and not by a promise, as a binding may do, too
    return Promise.resolve();
  }

  get lines(): Exposure[] {
    return this.calls.flat();
  }
}

/** A log in an isolate of its own. `kept`: what requests have been kept alive for. */
function start(sink: LineSink | null, points?: unknown[]) {
  const env = {};
  const memory = new MemoryBudget(Date.now);
  const settings = settingsOf({
    exposureSink: () => sink,
    countDataset: () => (points ? { writeDataPoint: (point) => void points.push(point) } : null),
  });
  const log = new ExposureLog(new LogSettingsReader(settings), memory, Date.now);
  const kept: Promise<unknown>[] = [];
  const write = (line: Exposure): void => log.write(line, env, (promise) => void kept.push(promise));
  /** The sums of the series in /metrics, of one arm or all. */
  const counts = (arm = ""): Record<string, number> => {
    const series = expositionOf(log.families())
      .split("\n")
      .filter((text) => /^\w/.test(text) && text.includes(arm && `arm="${arm}"`));
    const sums: Record<string, number> = {};
    for (const text of series) {
      const [, what = "", labels = "", value] =
        /^deepfm_edge_exposures_(\w+?)(?:_total)?(\{.*\})? (\d+)$/.exec(text) ?? [];
      const name = what + (/reason="([\w-]+)"/.exec(labels)?.[1] ?? "");
      sums[name] = (sums[name] ?? 0) + Number(value);
    }
    return sums;
  };
  return { write, kept, counts, memory };
}

const numbered = (i: number, changes: Partial<Exposure> = {}): Exposure => exampleExposure(5, { b: i, ...changes });
const numbersOf = (lines: readonly Exposure[]): number[] => lines.map(({ b }) => b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const quiet = () => vi.spyOn(console, "log").mockReset();

test("lines of a short time are one call of the sink, which one request is kept alive for", async () => {
  const sink = new TrialSink();
  const { write, kept, counts } = start(sink);
  for (const i of upTo(30)) write(numbered(i));
  expect(kept.length).toBe(1);
  expect(sink.calls).toEqual([]);
  expect(counts()).toMatchObject({ written: 30, sent: 0, waiting_lines: 30 });
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  expect(sink.calls.map(numbersOf)).toEqual([upTo(30)]);
  expect(counts()).toEqual({ written: 30, sent: 30, waiting_lines: 0, waiting_bytes: 0 });
  write(numbered(30));
  expect(kept.length).toBe(2);
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  expect(numbersOf(sink.lines)).toEqual(upTo(31));
});

test("as many lines as one call may have do not wait", async () => {
  const sink = new TrialSink();
  const { write, kept, counts } = start(sink);
  for (const i of upTo(200)) write(exampleExposure(100, { b: i }));
  await Promise.resolve();
  expect(sink.calls.length).toBeGreaterThan(0);
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  await Promise.all(kept);
  expect(numbersOf(sink.lines).sort((a, b) => a - b)).toEqual(upTo(200));
  for (const call of sink.calls) expect(JSON.stringify(call).length).toBeLessThan(1.01 * limits.SEND_BYTES);
  expect(counts()).toMatchObject({ written: 200, sent: 200, waiting_lines: 0 });
});

test("what fails is sent again by the same request, later each time", async () => {
  quiet();
  const sink = new TrialSink();
  sink.behaviour = (call) => (call < 3 ? "fail" : "take");
  const { write, kept, counts } = start(sink);
  for (const i of upTo(3)) write(numbered(i));
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS + 7 * limits.SEND_RETRY_MS - 1);
  expect(counts()).toMatchObject({ sent: 0, waiting_lines: 3 });
  await vi.advanceTimersByTimeAsync(1);
  expect(numbersOf(sink.lines)).toEqual(upTo(3));
  expect(kept.length).toBe(1);
  expect(counts()).toEqual({ written: 3, sent: 3, waiting_lines: 0, waiting_bytes: 0 });
});

test("a request gives up before it is ended, and the next one goes on", async () => {
  quiet();
  const sink = new TrialSink();
  sink.behaviour = () => "fail";
  const { write, kept, counts } = start(sink);
  write(numbered(0));
  await vi.advanceTimersByTimeAsync(limits.SENDER_MS + limits.MAX_SEND_RETRY_MS);
  await Promise.all(kept); // so it has ended
  sink.behaviour = () => "take";
  write(numbered(1));
  expect(kept.length).toBe(2);
  await vi.advanceTimersByTimeAsync(limits.MAX_SEND_RETRY_MS);
  expect(numbersOf(sink.lines)).toEqual([0, 1]);
  expect(counts()).toMatchObject({ written: 2, sent: 2 });
});

test("a line that has come although its call failed comes twice, and is counted once", async () => {
  quiet();
  const sink = new TrialSink();
  sink.behaviour = (call) => (call === 0 ? "take and fail" : "take");
  const { write, counts } = start(sink);
  write(numbered(7));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(numbersOf(sink.lines)).toEqual([7, 7]);
  expect(counts()).toMatchObject({ written: 1, sent: 1, waiting_lines: 0 });
});

test("a sink that does not answer counts as failed", async () => {
  const log = quiet();
  const sink = new TrialSink();
  sink.behaviour = (call) => (call === 0 ? "hang" : "take");
  const { write } = start(sink);
  write(numbered(7));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(numbersOf(sink.lines)).toEqual([7]);
  expect(log.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
    { level: "info", event: "exposures_failed", count: 1, error: "Error: got no answer within 10000 ms", waiting: 1 },
  ]);
});

test("what a request was sending when the runtime ended it is sent by another", async () => {
  quiet();
  const sink = new TrialSink();
  const { write, counts } = start(sink);
  sink.behaviour = (call) => (call === 0 ? "hang" : "take");
  write(numbered(0));
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  vi.clearAllTimers(); // all that the request waits for is gone with it
  vi.setSystemTime(Date.now() + limits.LINE_LOST_MS + 1);
  expect(counts()).toMatchObject({ waiting_lines: 1 });
  write(numbered(1));
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  expect(numbersOf(sink.lines).sort()).toEqual([0, 1]);
  expect(counts()).toEqual({ written: 2, sent: 2, waiting_lines: 0, waiting_bytes: 0 });
});

test("what waits is bounded, and what is lost is counted and does not depend on a line's length", async () => {
  quiet();
  const sink = new TrialSink();
  sink.behaviour = () => "fail";
  const { write, counts, memory } = start(sink);
  const lists = 6000;
  for (const i of upTo(lists)) {
    write(i % 2 === 0 ? exampleExposure(100, { arm: "model", b: i }) : exampleExposure(0, { arm: "origin", b: i }));
    if (i % 100 === 0) await vi.advanceTimersByTimeAsync(limits.SENDER_MS / 60);
  }
  const down = counts();
  expect(down.dropped).toBeUndefined();
  expect(down["droppedbuffer-full"]).toBeGreaterThan(1000);
  expect(down.waiting_bytes).toBeLessThan(limits.MAX_EXPOSURES_WAITING.bytes + limits.MAX_LINE_BYTES);
  expect(down.waiting_lines + down["droppedbuffer-full"]).toBe(lists);
  expect(memory.report().taken.requests).toBeGreaterThanOrEqual(down.waiting_bytes);
  sink.behaviour = () => "take";
  await vi.advanceTimersByTimeAsync(limits.SENDER_MS);
  const after = counts();
  expect(after).toMatchObject({ written: lists, waiting_lines: 0, waiting_bytes: 0 });
  expect(after.sent + after["droppedbuffer-full"]).toBe(lists);
  expect(memory.report().taken.requests).toBe(0);
  const origin = sink.lines.filter(({ arm }) => arm === "origin").length;
  expect(Math.abs(origin - sink.lines.length / 2)).toBeLessThanOrEqual(1);
});

test("of each arm, lists without duplicates and counted drops are all lists, whatever fails", async () => {
  quiet();
  // The benchmark `exposures` does the same with a queue and R2, with 100,000 lists in real time.
  const sink = new TrialSink();
  const random = seeded(7);
  let isDown = false;
  sink.behaviour = () => (isDown || random() < 0.05 ? "fail" : random() < 0.05 ? "take and fail" : "take");
  const { write, counts } = start(sink);
  const lists = 12_000;
  const arms = ["origin", "lr", "deepfm"];
  for (const i of upTo(lists)) {
    write(exampleExposure(12, { arm: arms[Math.floor(3 * random())], id: String(i).padStart(30, "0") }));
    if (i % 100 === 99) await vi.advanceTimersByTimeAsync(1000);
    isDown = i >= 3000 && i < 9000; // 60 of 120 seconds
  }
  isDown = false;
  sink.behaviour = () => "take";
  await vi.advanceTimersByTimeAsync(limits.SENDER_MS);
  expect(counts()).toMatchObject({ written: lists, waiting_lines: 0 });
  for (const arm of arms) {
    const lines = sink.lines.filter((line) => line.arm === arm);
    const distinct = new Set(lines.map(({ id }) => id)).size;
    const { written, sent, ...dropped } = counts(arm);
    expect(lines.length).toBeGreaterThan(distinct);
    expect(distinct).toBe(sent);
    expect(dropped["droppedbuffer-full"]).toBeGreaterThan(100);
    expect(distinct + dropped["droppedbuffer-full"]).toBe(written);
  }
});

test("a line waits for ten minutes at most", async () => {
  quiet();
  const sink = new TrialSink();
  sink.behaviour = () => "fail";
  const { write, counts } = start(sink);
  write(numbered(0));
  await vi.advanceTimersByTimeAsync(limits.MAX_LINE_AGE_MS);
  write(numbered(1));
  await vi.advanceTimersByTimeAsync(limits.SENDER_MS);
  expect(counts()).toMatchObject({ written: 2, sent: 0, "droppedtoo-old": 1, waiting_lines: 1 });
});

test("a line that is too long has only what was shown, and as much of it as fits", async () => {
  const sink = new TrialSink();
  const { write, counts } = start(sink);
  const count = 10_000;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const changes = {
    logits: writeFloats(numbers),
    shadow: { model: "lr@0123456789abcdef", logits: writeFloats(numbers.map((i) => -i)) },
    p: writeFloats(numbers.slice(0, 1000).map((i) => -1 - i)),
    flags: "v",
  };
  write(exampleExposure(count, { ...changes, b: 0, shown: [9_999, 7, 123] }));
  write(exampleExposure(count, { ...changes, b: 1, shown: numbers.toReversed() }));
  write(exampleExposure(1, { b: 2, cand: ["x".repeat(limits.MAX_LINE_BYTES)] }));
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  const [three, all] = sink.lines.toSorted((a, b) => a.b - b.b);
  expect(sink.lines.length).toBe(2);
  expect(three).toMatchObject({ cand: ["10069993", "10000049", "10000861"], shown: [0, 1, 2], flags: "sv" });
  expect([...readFloats(three.logits ?? "", "logits")]).toEqual([9_999, 7, 123]);
  expect([...readFloats(three.shadow?.logits ?? "", "shadow")]).toEqual([-9_999, -7, -123]);
  expect([...readFloats(three.p, "p")]).toEqual([-1, -2, -3]);
  expect(all.shown).toEqual(upTo(2500)); // 10,000 and 5,000 are too many
  expect(all.cand[0]).toBe("10069993");
  expect(counts()).toMatchObject({ written: 3, sent: 2, "droppedtoo-long": 1 });
});

test("what cannot be written as JSON, and what no sink is bound for, is counted and fails nothing", async () => {
  const errors = loggedErrors();
  const { write, counts } = start(new TrialSink());
  write(numbered(0, { ctx: { n: 1n } }));
  expect(counts()).toMatchObject({ written: 1, droppeddefect: 1 });
  expect(errors()[0]).toMatchObject({ event: "exposure_defect", error: expect.stringContaining("BigInt") });
  const warn = vi.spyOn(console, "warn").mockReset();
  const none = start(null);
  for (const i of upTo(3)) none.write(numbered(i));
  expect(none.counts()).toMatchObject({ written: 3, "droppedno-sink": 3 });
  expect(none.kept).toEqual([]);
  expect(warn.mock.calls.filter(([line]) => String(line).includes("exposures_no_sink")).length).toBe(1);
});

test("counts are by experiment, phase and arm, in /metrics and in points of Analytics Engine", async () => {
  quiet();
  const points: unknown[] = [];
  const sink = new TrialSink();
  sink.behaviour = (call) => (call === 1 ? "fail" : "take");
  const { write } = start(sink, points);
  for (const arm of ["a", "b", "a"]) write(numbered(0, { arm }));
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  write(numbered(0, { arm: "b" }));
  await vi.advanceTimersByTimeAsync(10_000);
  const index = "homepage-order";
  const blobs = (arm: string) => ["exposures", index, "0f1e2d3c", arm];
  expect(points).toEqual([
    { indexes: [index], blobs: blobs("a"), doubles: [2, 0] },
    { indexes: [index], blobs: blobs("b"), doubles: [1, 0] },
    { indexes: [index], blobs: blobs("b"), doubles: [1, 0] },
  ]);
});

test("a pipeline gets the lines as records, which is what Cloudflare's binding takes", async () => {
  // Nothing of Pipelines runs on this machine: its contract alone is tested.
  const sent: object[][] = [];
  const { write } = start(pipelineSink({ send: async (records) => void sent.push(records) }));
  write(numbered(1));
  write(numbered(2));
  await vi.advanceTimersByTimeAsync(limits.LINE_BATCH_MS);
  expect(sent).toEqual([[numbered(1), numbered(2)]]);
});
