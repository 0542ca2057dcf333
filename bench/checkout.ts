// `--against FOLDER`: this checkout and another one take turns in the same run, each with its own code and build.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { median } from "../trainer/metrics/median.ts";
import { table } from "../trainer/terminal/table.ts";
import { ratios, rounded } from "./ratio.ts";

/** Rounds in which both checkouts take their turn: many, since the question is one of a few per cent. */
export const AGAINST_ROUNDS = 31;

/** A module of another checkout, with that checkout's own imports. Throws if it has no such file. */
export async function importFrom<Module>(folder: string, path: string): Promise<Module> {
  const file = join(resolve(folder), path);
  if (!existsSync(file)) {
    throw new Error(
      `${folder}: has no ${path}, through which it is measured; ` +
        "a checkout from before that file needs a copy of it, with the imports of its own layout",
    );
  }
  return import(pathToFileURL(file).href);
}

/** One case of a comparison. Times are in the unit of the benchmark. */
export interface Comparison {
  case: string;
  /** Median time of this checkout. */
  here: number;
  /** Median time of the other checkout. */
  there: number;
  /** Median over the rounds of this checkout's time divided by the other's: below 1, this one is faster. */
  ratio: number;
  /** First and third quartile of the rounds' ratios. */
  quartiles: [number, number];
}

/** `here` and `there`: one time a round. */
export function compared(name: string, here: readonly number[], there: readonly number[]): Comparison {
  const sorted = ratios(here, there).sort((a, b) => a - b);
  const quantile = (share: number): number => rounded(sorted[Math.floor(share * sorted.length)]);
  return {
    case: name,
    here: rounded(median(here)),
    there: rounded(median(there)),
    ratio: quantile(0.5),
    quartiles: [quantile(0.25), quantile(0.75)],
  };
}

export function comparisonTable(unit: string, comparisons: readonly Comparison[]): string {
  return table(
    ["case", `${unit} here`, `${unit} there`, "here / there", "half of the rounds"],
    comparisons.map(({ case: name, here, there, ratio, quartiles }) => [
      name,
      here.toFixed(2),
      there.toFixed(2),
      ratio.toFixed(3),
      quartiles.map((quartile) => quartile.toFixed(3)).join(" to "),
    ]),
  );
}

/** One line about all cases of a comparison. */
export function comparisonSummary(comparisons: readonly Comparison[]): string {
  const all = comparisons.map(({ ratio }) => ratio).sort((a, b) => a - b);
  const [low, high] = [all[0], all[all.length - 1]];
  return `${all.length} cases, here / there: median ${median(all).toFixed(3)}, ${low.toFixed(3)} to ${high.toFixed(3)}`;
}
