import { mkdirSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import { median } from "../../trainer/metrics/median.ts";
import { PARTS } from "../../trainer/model/step-clock.ts";
import { say, startTask } from "../../trainer/terminal/progress.ts";
import { type Case, checked, writeRecords } from "./cases.ts";
import { Contestant } from "./contestant.ts";
import { type Entrant, isSparse } from "./entrants.ts";
import type { Replies } from "./protocol.ts";

/** Steps of one turn. */
const STEPS = 4;
/** The first rounds do not count, as V8's compiler of WebAssembly and PyTorch's caches take their time. */
export const WARM_UP = 2;
/** The steps on one batch before which all must have the same loss, the first two within rounding. */
const CHECKED_STEPS = 4;
const FIRST_LOSS = 1e-5;
/** Later ones differ by Adam's ε and by FuxiCTR's second bias; the loss itself falls by more than ten times this. */
const LATER_LOSS = 2e-3;

/** What the race says of one contestant in one case. */
export interface Result {
  case: string;
  k: number;
  rows: number;
  batch: number;
  threads: number;
  engine: string;
  recordsPerSecond: number;
  peakBytes: number;
  /** Mean milliseconds of a step, and of its parts as far as they can be told apart. */
  parts: Replies["steps"]["parts"];
  /** Milliseconds of a step, a number a round. */
  steps: number[];
}

export interface Race {
  results: Result[];
  versions: Record<string, string>;
}

/** Everyone trains the case, a turn each round. Whoever cannot is left out, with a line that says why. */
export async function race(of: Case, entrants: readonly Entrant[], rounds: number, folder: string): Promise<Race> {
  await using stack = new AsyncDisposableStack();
  const versions: Record<string, string> = {};
  const agreed = await agree(of, entrants, folder, stack, versions);
  const file = await writeRecords(of, folder);
  const racing: { contestant: Contestant; ms: number[]; parts: Replies["steps"]["parts"] }[] = [];
  using task = startTask(of.name, agreed.length * (1 + WARM_UP + rounds), "turn");
  for (const contestant of agreed) {
    const opened = await tried(() => contestant.ask({ do: "open", case: of, folder, file, weights: false }));
    task.advance(1, contestant.entrant.engine);
    if (opened) racing.push({ contestant, ms: [], parts: {} });
    else await contestant[Symbol.asyncDispose]();
  }
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const runner of [...racing]) {
      const { contestant, ms, parts } = runner;
      const turn = await tried(() => contestant.ask({ do: "steps", count: STEPS }));
      if (turn === null) {
        racing.splice(racing.indexOf(runner), 1);
        continue;
      }
      task.advance(1, `${contestant.entrant.engine}, ${(turn.ms / STEPS).toFixed(0)} ms a step`);
      if (round < 0) continue;
      ms.push(turn.ms / STEPS);
      for (const part of [...PARTS, "step"] as const)
        if (turn.parts[part] !== undefined) parts[part] = (parts[part] ?? 0) + turn.parts[part] / STEPS / rounds;
    }
  }
  task.done("");
  const results: Result[] = [];
  for (const { contestant, ms, parts } of racing) {
    const { peakBytes } = await contestant.ask({ do: "peak" });
    const { engine, threads } = contestant.entrant;
    const { name, k, rows, batch } = of;
    const recordsPerSecond = (1000 * batch) / median(ms);
    results.push({ case: name, k, rows, batch, threads, engine, recordsPerSecond, peakBytes, parts, steps: ms });
  }
  return { results, versions };
}

/**
 * Starts everyone and checks that all learn the same from the same weights: without dropout, on one batch of a small
 * table, they have the same loss before the first step and, but for what they do differently, after some.
 */
async function agree(
  of: Case,
  entrants: readonly Entrant[],
  parent: string,
  stack: AsyncDisposableStack,
  versions: Record<string, string>,
): Promise<Contestant[]> {
  const small = checked(of);
  const folder = join(parent, "checked");
  mkdirSync(folder);
  const file = await writeRecords(small, folder);
  const contestants: Contestant[] = [];
  let expected: number[] | null = null;
  using task = startTask(`${of.name}: start and check`, entrants.length, "contestant");
  for (const entrant of entrants) {
    const contestant = new Contestant(entrant);
    stack.use(contestant);
    const opened = await tried(() =>
      contestant.ask({ do: "open", case: small, folder, file, weights: expected !== null }),
    );
    task.advance(1, entrant.engine);
    if (!opened) continue;
    Object.assign(versions, opened.versions);
    if (expected === null) await contestant.ask({ do: "save", folder });
    const { losses } = await contestant.ask({ do: "losses", count: CHECKED_STEPS });
    expected ??= losses;
    checkLosses(entrant, losses, expected);
    contestants.push(contestant);
  }
  task.done("");
  return contestants;
}

function checkLosses({ engine, threads }: Entrant, losses: readonly number[], expected: readonly number[]): void {
  losses.forEach((loss, step) => {
    const limit = step === 0 ? FIRST_LOSS : LATER_LOSS;
    if (!(Math.abs(loss - expected[step]) <= limit))
      throw new Error(`${engine} on ${threads}: got the losses ${losses.join(", ")}, expected ${expected.join(", ")}`);
  });
}

/** Null where it fails, and a line that says why. */
async function tried<T>(start: () => Promise<T>): Promise<T | null> {
  try {
    return await start();
  } catch (error) {
    say(`left out: ${(error as Error).message}`);
    return null;
  }
}

/** Bytes that a process takes before it has a table, and those for each number of the table: its rows and state. */
const OWN_BYTES = 4e8;
const BYTES_A_NUMBER = { sparse: 16, dense: 24 };
/** The share of the free memory that a race may take. */
const MEMORY_SHARE = 0.85;

/**
 * Divides a case's contestants into races that the memory holds: one of all, if it does, else one for each number of
 * threads, without those for whom there is no room.
 */
export function heats(of: Case, entrants: readonly Entrant[]): Entrant[][] {
  const room = MEMORY_SHARE * freemem();
  const bytes = (entrant: Entrant): number =>
    OWN_BYTES + of.rows * (of.k + 1) * BYTES_A_NUMBER[isSparse(entrant) ? "sparse" : "dense"];
  const sum = (all: readonly Entrant[]): number => all.reduce((total, one) => total + bytes(one), 0);
  if (sum(entrants) <= room) return [[...entrants]];
  const threads = [...new Set(entrants.map((one) => one.threads))];
  return threads.map((count) => {
    const own = entrants.filter((one) => one.threads === count);
    while (own.length > 1 && sum(own) > room) {
      const last = own.pop();
      say(`${of.name}: without ${last?.engine} on ${count}, for which there is no memory left`);
    }
    return own;
  });
}
