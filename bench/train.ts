// Measures training: records/s, milliseconds of a step by part, and peak memory of DeepFM on our engines and on their
// peers, PyTorch, DeepCTR-Torch and FuxiCTR, where Python has them (bench/peers/README.md). Each contestant is a
// process of its own, and they take turns, so that a slow moment of the machine falls on all; prints medians of rounds
// (means of the parts), and gates nothing. It first checks that all learn the same. The engine assembly-narrow races
// only where --engines names it. With --sizes, the steps of our engine are compared with one another, on tables of 1e5,
// 1e6 and 1e7 rows, which take turns, in a minute.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import { MOST_THREADS } from "../trainer/engine/engines.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { PARTS } from "../trainer/model/step-clock.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { benchOptions, flag, option, optional, refuse } from "./options.ts";
import { medianRatio } from "./ratio.ts";
import { CASES, type Case, MAIN_CASE, SIZES } from "./train/cases.ts";
import { ASSEMBLY, ENTRANTS, type Entrant, entrantsOf, NARROW } from "./train/entrants.ts";
import { heats, type Result, race } from "./train/race.ts";
import { sizesTable } from "./train/sizes.ts";
import { JSON_FILE, listOf, oneOf } from "./values.ts";

const options = benchOptions({
  "--quick": flag("the main case alone, in some 2 minutes"),
  "--cases <text,…>": optional("the cases that have one of these texts in their names", listOf(casesWith)),
  "--threads <n,…>": option(
    "numbers of threads",
    listOf(integerWithin(1, MOST_THREADS)),
    availableParallelism() > 1 ? [1, 2] : [1],
  ),
  "--engines <name,…>": option(
    "who takes part, where it is there",
    listOf(oneOf(ENTRANTS)),
    ENTRANTS.filter((engine) => engine !== NARROW),
  ),
  "--peers <python>": optional("a Python that has the peers, or none (default: that of bench/peers)", String),
  "--rounds <n>": optional(
    "rounds, in each of which all take their turn (default: 7; quick: 5)",
    integerWithin(1, 1000),
  ),
  "--json <file>": JSON_FILE,
  "--sizes": flag("compare the sizes of tables instead"),
});
const { quick, threads, json } = options;
const rounds = options.rounds ?? (quick ? 5 : 7);

/** The cases with a text in their names. */
function casesWith(text: string): Case[] {
  const found = CASES.filter(({ name }) => name.includes(text));
  if (found.length > 0) return found;
  throw new InvalidArgumentError(`got ${text}, expected a part of one of ${CASES.map(({ name }) => name).join(", ")}`);
}

function chosenCases(): Case[] {
  const chosen = new Set(options.cases?.flat() ?? casesWith(quick ? MAIN_CASE : ""));
  return CASES.filter((one) => chosen.has(one));
}

function chosenEntrants(): Entrant[] {
  return entrantsOf(threads, options.peers).filter(({ engine }) => options.engines.includes(engine));
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

if (options.sizes) {
  await compareSizes();
  process.exit();
}
const cases = chosenCases();
const all = chosenEntrants();
if (all.length === 0) refuse(`--engines: got ${options.engines.join(", ")}, expected one that can race here`);
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
      if (json) writeWhole(json, toJson({ versions, results: kept }));
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
