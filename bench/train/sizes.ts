// The same net with tables of several sizes, whose steps are to take the same time: each size is a process of its own,
// and they take turns.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { median } from "../../trainer/metrics/median.ts";
import { PARTS } from "../../trainer/model/step-clock.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";
import { medianInterval, ratios } from "../ratio.ts";
import { type Case, writeRecords } from "./cases.ts";
import { Contestant } from "./contestant.ts";
import type { Entrant } from "./entrants.ts";
import type { Replies } from "./protocol.ts";
import { WARM_UP } from "./race.ts";

/** Steps of one turn: fewer than of a race, so that a slow moment of the machine falls on all sizes. */
const STEPS = 2;
/** Bytes of a weight and of Adam's two moments of it. */
const TRAINED_BYTES = 12;

/** What is printed of a net on one engine, the smallest table first. `cases` differ in their rows alone. */
export async function sizesTable(
  cases: readonly Case[],
  entrant: Entrant,
  rounds: number,
  folder: string,
): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const racing: { of: Case; contestant: Contestant; ms: number[]; parts: Replies["steps"]["parts"][] }[] = [];
  using task = startTask(`${cases.length} sizes`, cases.length * (1 + WARM_UP + rounds), "turn");
  for (const of of cases) {
    const own = join(folder, of.name);
    mkdirSync(own);
    const file = await writeRecords(of, own);
    const contestant = stack.use(new Contestant(entrant));
    await contestant.ask({ do: "open", case: of, folder: own, file, weights: false });
    racing.push({ of, contestant, ms: [], parts: [] });
    task.advance(1, of.name);
  }
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const { of, contestant, ms, parts } of racing) {
      const turn = await contestant.ask({ do: "steps", count: STEPS });
      task.advance(1, `${of.name}, ${(turn.ms / STEPS).toFixed(0)} ms a step`);
      if (round < 0) continue;
      ms.push(turn.ms / STEPS);
      parts.push(turn.parts);
    }
  }
  task.done("");
  const lines: (string | number)[][] = [];
  for (const { of, contestant, ms, parts } of racing) {
    const { peakBytes } = await contestant.ask({ do: "peak" });
    const trained = TRAINED_BYTES * of.rows * (of.k + 1);
    const times = medianInterval(ratios(ms, racing[0].ms));
    lines.push([
      of.rows,
      entrant.threads,
      median(ms).toFixed(1),
      `${times.median.toFixed(2)} (${times.low.toFixed(2)}–${times.high.toFixed(2)})`,
      ...PARTS.map((part) => median(parts.map((turn) => (turn[part] ?? 0) / STEPS)).toFixed(1)),
      bytesText(peakBytes),
      (peakBytes / trained).toFixed(2),
    ]);
  }
  const head = ["rows", "threads", "ms a step", `/ ${cases[0].rows}`, ...PARTS, "peak memory", "/ rows and state"];
  return table(head, lines);
}
