// Measures training: records/s, milliseconds of a step by part, and peak memory of DeepFM on our engines and on their
// peers, PyTorch, DeepCTR-Torch and FuxiCTR, where Python has them (bench/peers/README.md). Each contestant is a
// process of its own, and they take turns, so that a slow moment of the machine falls on all; prints medians of rounds
// (means of the parts), and gates nothing. It first checks that all learn the same.
//   npm run bench -- train [--quick] [--cases TEXT,…] [--threads 1,2] [--engines NAME,…] [--peers PYTHON|none]
//                          [--rounds N] [--json FILE]
//   npm run bench -- train --sizes [--threads 1,2] [--rounds N]
// --cases takes those whose names have one of the texts in them. The engine assembly-narrow races only where --engines
// names it. --quick is the main case alone, in some 2 minutes.
// --sizes compares the steps of our engine with tables of 1e5, 1e6 and 1e7 rows, which take turns, in a minute.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { PARTS } from "../trainer/model/step-clock.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { benchOptions } from "./options.ts";
import { medianRatio } from "./ratio.ts";
import { CASES, type Case, MAIN_CASE, SIZES } from "./train/cases.ts";
import { ASSEMBLY, type Entrant, entrantsOf, NARROW } from "./train/entrants.ts";
import { heats, type Result, race } from "./train/race.ts";
import { sizesTable } from "./train/sizes.ts";

const { values: flags } = benchOptions({
  options: {
    quick: { type: "boolean", default: false },
    cases: { type: "string" },
    threads: { type: "string" },
    engines: { type: "string" },
    peers: { type: "string" },
    rounds: { type: "string" },
    json: { type: "string" },
    sizes: { type: "boolean", default: false },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 5 : 7));
const threads = (flags.threads ?? (availableParallelism() > 1 ? "1,2" : "1")).split(",").map(Number);

function chosenCases(): Case[] {
  const texts = (flags.cases ?? (flags.quick ? MAIN_CASE : "")).split(",");
  const chosen = CASES.filter(({ name }) => texts.some((text) => name.includes(text)));
  if (chosen.length === 0)
    throw new Error(`got the cases ${flags.cases}, expected parts of ${CASES.map(({ name }) => name).join(", ")}`);
  return chosen;
}

function chosenEntrants(): Entrant[] {
  const all = entrantsOf(threads, flags.peers);
  const names = flags.engines?.split(",");
  return all.filter(({ engine }) => (names ? names.includes(engine) : engine !== NARROW));
}

async function compareSizes(): Promise<void> {
  console.log(`${availableParallelism()} × ${cpus()[0]?.model}, ${rounds} rounds, node ${process.version}`);
  for (const count of threads) {
    const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-train-"));
    try {
      console.log(await sizesTable(SIZES, { engine: ASSEMBLY, threads: count, python: null }, rounds, folder));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

/** The line of a result. `others`: those of its race, in which ours on as many threads is what it is compared with. */
function lineOf(result: Result, others: readonly Result[]): (string | number)[] {
  const ours = others.find(({ engine, threads: count }) => engine === ASSEMBLY && count === result.threads);
  const of = (part: keyof Result["parts"]): string => result.parts[part]?.toFixed(1) ?? "";
  return [
    result.case,
    result.engine,
    result.threads,
    Math.round(result.recordsPerSecond),
    ours ? medianRatio(result.steps, ours.steps).toFixed(2) : "",
    ((1000 * result.batch) / result.recordsPerSecond).toFixed(1),
    ...PARTS.map(of),
    bytesText(result.peakBytes),
  ];
}

if (flags.sizes) {
  await compareSizes();
  process.exit();
}
const cases = chosenCases();
const all = chosenEntrants();
const lines: (string | number)[][] = [];
const results: Result[] = [];
const versions: Record<string, string> = { node: process.version };
for (const of of cases) {
  for (const heat of heats(of, of.training ? all.filter(({ python }) => python === null) : all)) {
    const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-train-"));
    try {
      const raced = await race(of, heat, rounds, folder);
      Object.assign(versions, raced.versions);
      results.push(...raced.results);
      lines.push(...raced.results.map((result) => lineOf(result, raced.results)));
      // After each race, as all of them take an hour.
      const kept = results.map(({ steps: _, ...result }) => result);
      if (flags.json) writeWhole(flags.json, toJson({ versions, results: kept }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
console.log(`${availableParallelism()} × ${cpus()[0]?.model}, ${rounds} rounds`);
console.log(
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", "),
);
const head = ["case", "engine", "threads", "records/s", "/ assembly", "ms a step", ...PARTS, "peak memory"];
console.log(table(head, lines));
