// What the planner says, against what the Worker reads: the miniature of `npm run bench -- replay`.
import { expect, test } from "vitest";
import { startBenchKv } from "../../bench/http/kv.ts";
import { pairsOf, ReplayLog, replayModel } from "../../bench/replay/model.ts";
import { MOST_DIFFERENCE, play } from "../../bench/replay/play.ts";
import { startReplayed } from "../../bench/replay/replayed.ts";
import { PlannedIsolate } from "../../trainer/plan/planned-isolate.ts";
import { bytesOf } from "../../trainer/plan/planned-rows.ts";

const SHAPE = { values: 4000, headRows: 320, pageBytes: 2048 } as const;

// A minute of a busy machine is a few seconds of one that is not.
const PATIENCE = { timeout: 240_000 };

test("the Worker reads the keys that the planner says: scores, lists, and after a change", PATIENCE, async () => {
  const model = replayModel(SHAPE);
  // So little that rows are dropped.
  const cacheBytes = Math.floor(bytesOf(model.rows, model.layout).pages / 2);
  await using kv = await startBenchKv(await pairsOf(model), "quick");
  await using worker = await startReplayed(kv.address, cacheBytes);
  const planned = new PlannedIsolate(model.rows, model.layout, { cacheBytes, keysPerRequest: 1000 });
  const players = { log: new ReplayLog(model, 1), planned, worker };
  const scored = await play(players, { candidates: null, before: 100, counted: 150 });
  const ranked = await play(players, { candidates: 50, before: 30, counted: 50 });
  players.log.moveHead(SHAPE.headRows / 2);
  const moved = await play(players, { candidates: 50, before: 0, counted: 30 });
  for (const { planned, replayed, difference } of [scored, ranked, moved]) {
    expect(difference, JSON.stringify({ planned, replayed })).toBeLessThanOrEqual(MOST_DIFFERENCE);
    expect(Math.abs(planned.here - replayed.here)).toBeLessThan(0.02);
  }
  // The requests are such that pages are read, and rows are found in the isolate.
  expect(scored.replayed.keys).toBeGreaterThan(0.1);
  expect(moved.replayed.keys).toBeGreaterThan(1.1 * ranked.replayed.keys);
  expect(ranked.replayed.here).toBeGreaterThan(0.5);
});
