// `npm run fuzz -- --minutes 10 --seed 1` gives mutants of blobs and pages to the readers, the kernels and Scorer, as
// many as there is time for. A mutant that shows a fault is a find: it is written to --out, and can be made again from
// its seed and number (--number). Exits 1 if there is a find.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { fuzz } from "../../testing/fuzz/fuzz.ts";
import { mutant } from "../../testing/fuzz/mutant.ts";
import { toJson, writeWhole } from "../../trainer/io/files.ts";
import { integerWithin, numberWithin } from "../../trainer/terminal/number-option.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { hasStatus } from "../../trainer/terminal/status-line.ts";
import { table } from "../../trainer/terminal/table.ts";

const MAX_SEED = 2 ** 32 - 1;
/** Seconds between two lines of progress where stderr is no terminal. */
const LINE_EVERY = 30;

interface Options {
  minutes: number;
  seed: number;
  number?: number;
  threads: number;
  out: string;
}

const count = new Intl.NumberFormat("en");

async function run({ minutes, seed, number: only, threads, out }: Options): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  using task = startTask("fuzz", null, "mutant");
  let [seen, line] = [0, LINE_EVERY];
  const range = only === undefined ? { seconds: 60 * minutes, threads } : { first: only, end: only + 1 };
  const { mutants, outcomes, finds } = await fuzz({
    seed,
    ...range,
    progress: (report) => {
      const note = `${count.format(refused(report.outcomes))} refused, ${report.finds.length} finds`;
      task.advance(report.mutants - seen, note);
      seen = report.mutants;
      if (hasStatus() || seconds() < line) return;
      line += LINE_EVERY;
      process.stderr.write(`fuzz: ${count.format(seen)} mutants in ${seconds().toFixed(0)} s  ${note}\n`);
    },
  });
  task.done();

  const rows = [...outcomes].sort(([, a], [, b]) => b - a);
  console.log(
    table(
      ["mutants", ""],
      rows.map(([outcome, n]) => [outcomeText(outcome), count.format(n)]),
    ),
  );
  const rate = count.format(Math.round(mutants / seconds()));
  console.log(
    `seed ${seed}: ${count.format(mutants)} mutants in ${seconds().toFixed(0)} s, ${rate}/s, ${finds.length} finds`,
  );
  for (const find of finds) {
    const path = join(out, `seed-${seed}-number-${find.number}`);
    const { bytes, original } = mutant(seed, find.number);
    writeWhole(`${path}.bin`, bytes);
    writeWhole(`${path}.json`, toJson({ seed, ...find, original: original.name }));
    console.log(`${path}.bin: ${find.problem}`);
  }
  if (finds.length > 0) process.exitCode = 1;
}

function refused(outcomes: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [outcome, n] of outcomes) if (outcome !== "scored" && outcome !== "read") sum += n;
  return sum;
}

function outcomeText(outcome: string): string {
  if (outcome === "scored") return "read, loaded and scored";
  return outcome === "read" ? "pages read" : `refused: ${outcome}`;
}

await new Command("fuzz")
  .description("Mutants of blobs and pages against readers, kernels and Scorer.")
  .option("--minutes <n>", "how long", numberWithin(0, 1e6), 10)
  .option("--seed <n>", "which mutants", integerWithin(0, MAX_SEED), 1)
  .option("--number <n>", "that mutant of the seed alone", integerWithin(0, 2 ** 31 - 2))
  .option("--threads <n>", "threads", integerWithin(1, 64), availableParallelism())
  .option("--out <folder>", "where finds are written", "runs/fuzz")
  .action(run)
  .parseAsync();
