import type { ExperimentEntry } from "../../../deploy/experiments.ts";
import { printable } from "../../../trainer/terminal/table.ts";

/** An experiment in two lines: what it is, and its arms. */
export function entryText(entry: ExperimentEntry): string {
  const { name, list, state, phase, number, arms, weights } = entry;
  const head = `${name}: ${state}, on the list ${list}, phase ${number} (${phase}), ${coverageText(entry)}`;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = arms.map(({ arm, model, policy }, i) => {
    const order = model === null ? "the origin's order" : `${model}, ${policy.policy}`;
    return `${arm} ${percent((weights[i] ?? 0) / total)} (${order})`;
  });
  return printable(`${head}\n  ${shares.join("; ")}`);
}

/** The rules of a list are asked one after another, and a unit is in the first experiment that takes it. */
function coverageText({ coverage, after, left }: ExperimentEntry): string {
  if (after.length === 0 || coverage === 0) return `${percent(coverage)} of units`;
  const of = left === null ? "" : `, ${percent(coverage * left)} of all`;
  return `${percent(coverage)} of the units that ${after.join(" and ")} ${after.length > 1 ? "leave" : "leaves"}${of}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
