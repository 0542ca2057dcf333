import { writeFileSync } from "node:fs";
import { Random } from "../../trainer/data/random.ts";
import { sigmoid } from "../../trainer/metrics/metrics.ts";

// A table like that of a census: who has a high income? Its six numbers have every spread that harms an encoding: years
// of a life, hours with half of the records at one value, amounts that nine of ten records do not have and that are
// heavy-tailed where they have one, and a weight in the hundred thousands that says nothing.

const OCCUPATIONS = 12;
const RELATIONS = 6;
const HEADER = "label,age,education,hours,gain,loss,weight,occupation,relation";

/** The world's effects, which are the same for every seed of a table. */
const world = new Random(2);
const occupationEffect = Float64Array.from({ length: OCCUPATIONS }, () => 0.5 * world.normal());
const relationEffect = Float64Array.from({ length: RELATIONS }, () => 0.9 * world.normal());

/** Writes a table as CSV. */
export function writeIncome(path: string, rows: number, seed: number): void {
  const random = new Random(seed);
  const lines = Array.from({ length: rows }, () => drawRow(random));
  writeFileSync(path, `${[HEADER, ...lines].join("\n")}\n`);
}

function drawRow(random: Random): string {
  const age = Math.min(90, Math.floor(17 + 30 * Math.abs(random.normal())));
  const education = Math.min(16, Math.max(1, Math.round(10 + 2.6 * random.normal())));
  const hours = random.uniform() < 0.47 ? 40 : Math.min(99, Math.max(1, Math.round(40 + 13 * random.normal())));
  const gain = random.uniform() < 0.1 ? Math.min(99_999, Math.round(Math.exp(8.4 + 1.1 * random.normal()))) : 0;
  const loss = random.uniform() < 0.05 ? Math.round(1_870 + 360 * random.normal()) : 0;
  const weight = Math.round(Math.exp(12 + 0.5 * random.normal()));
  const occupation = random.integer(OCCUPATIONS);
  const relation = random.integer(RELATIONS);

  let logit = -1.7 + occupationEffect[occupation] + relationEffect[relation];
  logit -= 1.6 * ((age - 48) / 18) ** 2; // incomes rise until 48, and fall after it
  logit += education >= 13 ? 1.5 : 0.1 * (education - 9);
  logit += Math.min(1, (hours - 35) / 15);
  logit += gain > 7_000 ? 4 : gain > 0 ? -1 : 0;
  logit += loss > 1_800 && loss < 2_000 ? 2.5 : loss > 0 ? -0.5 : 0;
  if (age > 30 && education >= 13) logit += 0.8;
  if (relation < 2 && hours > 45) logit += 0.7;
  const label = random.uniform() < sigmoid(logit) ? 1 : 0;
  return [label, age, education, hours, gain, loss, weight, `o${occupation}`, `r${relation}`].join(",");
}
