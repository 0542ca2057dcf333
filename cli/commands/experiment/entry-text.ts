import type { ExperimentEntry } from "../../../deploy/experiments.ts";
import { printable } from "../../../trainer/terminal/table.ts";

/** An experiment in two lines: what it is, and its arms. */
export function entryText({ name, list, state, phase, number, coverage, arms, weights }: ExperimentEntry): string {
  const head = `${name}: ${state}, on the list ${list}, phase ${number} (${phase}), ${percent(coverage)} of units`;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = arms.map(({ arm, model, policy }, i) => {
    const order = model === null ? "the origin's order" : `${model}, ${policy.policy}`;
    return `${arm} ${percent((weights[i] ?? 0) / total)} (${order})`;
  });
  return printable(`${head}\n  ${shares.join("; ")}`);
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
