// Measures the processor time that each row optimizer takes for a training step: touch, norm for clipping, step. All of
// them take turns on the same batches, so that a slow moment of the machine falls on all; prints medians, and gates
// nothing. Dense Adam, which passes over the whole table, is there to compare with.
import { Random } from "../trainer/data/random.ts";
import { Zipf } from "../trainer/data/zipf.ts";
import { median } from "../trainer/metrics/median.ts";
import { Adam } from "../trainer/model/optimizers/adam.ts";
import { rowOptimizer } from "../trainer/model/optimizers/of-spec.ts";
import { sumOfSquares } from "../trainer/model/optimizers/row-optimizer.ts";
import { WholeTable } from "../trainer/model/optimizers/whole-table.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";

/** Dense Adam takes a turn once in so many steps only, as it is slow. */
const DENSE_EVERY = 10;
const { steps } = benchOptions({
  "--steps <n>": option("steps, whose second half counts", integerWithin(2 * DENSE_EVERY, 1_000_000), 240),
});
const K = 10;
const WIDTH = K + 1;
/** Values in a batch: 2048 records of 39 fields, as many as Criteo's log has. */
const DRAWS = 2048 * 39;
const L2 = 1e-5;
const TABLES = [1e4, 1e6];
const SETTINGS = [
  { optimizer: "adam", l2Scope: "batch" },
  { optimizer: "adam", l2Scope: "table" },
  { optimizer: "adagrad", l2Scope: "batch" },
  { optimizer: "adagrad", l2Scope: "table" },
  { optimizer: "ftrl", l2Scope: "table" },
] as const;

/** Draws the rows of a batch. Returns each once, in ascending order. */
function drawRows(zipf: Zipf, random: Random): Int32Array {
  const drawn = new Set<number>();
  for (let i = 0; i < DRAWS; i++) drawn.add(zipf.draw(random));
  return Int32Array.from(drawn).sort();
}

/** Processor time in milliseconds, which other programs on the machine do not lengthen. */
function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const lines: (string | number)[][] = [];
for (const rows of TABLES) {
  const random = new Random(1);
  const zipf = new Zipf(rows, 1);
  const start = Float32Array.from({ length: rows * WIDTH }, () => 0.01 * random.normal());
  const cases = SETTINGS.map((setting) => ({
    setting,
    values: start.slice(),
    optimizer: rowOptimizer({ ...setting, l1: 0, l2: L2 }, rows, WIDTH),
    times: [] as number[],
  }));
  const dense = { values: start.slice(), adam: new Adam(1, start.length), times: [] as number[] };
  const counts: number[] = [];
  for (let step = 0; step < steps; step++) {
    const batch = drawRows(zipf, random);
    const gradients = Float32Array.from({ length: batch.length * WIDTH }, () => 1e-3 * random.normal());
    // The rows' idle times and the compiled code settle in the first half of the steps.
    const settled = step >= steps / 2;
    if (settled) counts.push(batch.length);
    for (const { values, optimizer, times } of cases) {
      const started = now();
      for (let i = 0; i < batch.length; i++) optimizer.touch(values, batch[i]);
      const norm = Math.sqrt(optimizer.squaredNorm(values, batch, batch.length, gradients));
      optimizer.step(values, batch, batch.length, gradients, 1e-3, Math.min(1, 10 / norm));
      if (settled) times.push(now() - started);
    }
    if (step % DENSE_EVERY > 0) continue;
    const all = new Float32Array(start.length);
    batch.forEach((row, i) => {
      all.set(gradients.subarray(i * WIDTH, (i + 1) * WIDTH), row * WIDTH);
    });
    const started = now();
    const norm = Math.sqrt(sumOfSquares(all, 0, all.length));
    dense.adam.begin(1e-3, Math.min(1, 10 / norm), L2);
    dense.adam.update(dense.values, 0, all, 0);
    if (settled) dense.times.push(now() - started);
  }
  const touched = median(counts);
  const whole = median(dense.times);
  for (const { setting, optimizer, times } of cases) {
    const own = median(times);
    const work = optimizer instanceof WholeTable ? (optimizer.work / steps / touched).toFixed(1) : "";
    lines.push([
      `${setting.optimizer}, ${setting.optimizer === "ftrl" ? "either" : setting.l2Scope}`,
      rows.toLocaleString("en"),
      touched.toLocaleString("en"),
      ((1e6 * own) / touched).toFixed(0),
      work,
      own.toFixed(2),
      `${(whole / own).toFixed(1)} ×`,
    ]);
  }
  lines.push([
    "dense adam",
    rows.toLocaleString("en"),
    rows.toLocaleString("en"),
    ((1e6 * whole) / rows).toFixed(0),
    "",
    whole.toFixed(2),
    "1.0 ×",
  ]);
}
console.log(
  `rows of ${WIDTH} numbers, batches of ${DRAWS} Zipf values, ${steps} steps, one thread, Node ${process.version}`,
);
console.log(
  table(["optimizer, L2 of", "V", "rows a step", "ns a row", "idle work a row", "ms a step", "dense Adam / it"], lines),
);
