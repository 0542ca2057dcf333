import { at } from "../refusal.ts";

// Optimized interleaving (Radlinski and Craswell 2013, "Optimized Interleaving for Online Retrieval Evaluation"). The
// product does not have the method: it interleaves by team draft.

/**
 * The probabilities of `rankings` that favour neither of two lists, whatever rank a user stops at who clicks on
 * everything: for each k, the mean credit of the first k items is 0. With as many rankings as conditions these alone
 * determine them, and there is no variance left to minimise. Credit of an item: 1/(rank in a) − 1/(rank in b), where
 * one that is not in a list has the rank after its last.
 */
export function optimizedProbabilities(a: number[], b: number[], rankings: number[][]): number[] {
  const score = (list: number[], item: number): number => {
    const place = list.indexOf(item);
    return 1 / ((place < 0 ? list.length : place) + 1);
  };
  const creditOf = (items: number[]): number => items.reduce((sum, item) => sum + score(a, item) - score(b, item), 0);
  const slots = at(rankings, 0).length;
  if (rankings.length !== slots + 1) throw new RangeError(`got ${rankings.length} rankings, expected ${slots + 1}`);
  const unbiased = Array.from({ length: slots }, (_, k) => [
    ...rankings.map((items) => creditOf(items.slice(0, k + 1))),
    0,
  ]);
  return solved([...unbiased, [...rankings.map(() => 1), 1]]);
}

/** The solution of linear equations, each its coefficients and then its right side: Gauss and Jordan's elimination. */
function solved(equations: number[][]): number[] {
  const rows = equations.map((row) => [...row]);
  for (let column = 0; column < rows.length; column++) {
    const left = rows.slice(column).map((row) => Math.abs(at(row, column)));
    const pivot = rows.splice(column + left.indexOf(Math.max(...left)), 1).flat();
    rows.splice(
      column,
      0,
      pivot.map((x) => x / at(pivot, column)),
    );
    for (const [i, row] of rows.entries()) {
      if (i === column) continue;
      const factor = at(row, column);
      rows[i] = row.map((x, j) => x - factor * at(at(rows, column), j));
    }
  }
  return rows.map((row) => at(row, rows.length));
}
