import type { Policy } from "../../format/policy.ts";
import type { Candidates } from "../../runtime/orders/candidates.ts";
import { drawOrder } from "../../runtime/orders/order.ts";
import type { Lists } from "./enumerate.ts";

/** Lists that fewer draws than this are expected of are counted together, as the χ² distribution asks for. */
const MIN_EXPECTED = 5;

/** How far the frequencies of drawn lists are from their probabilities. */
export interface ListChiSquare {
  chiSquare: number;
  degrees: number;
  /** χ² as a standard normal number (Wilson and Hilferty 1931). */
  z: number;
  /** Draws of lists that cannot come. */
  foreign: number;
}

/** Draws lists, of one request after the other, and counts them against `lists`: what the first slots may hold. */
export function listChiSquare(policy: Policy, candidates: Candidates, lists: Lists, draws: number): ListChiSquare {
  const slots = [...lists.keys()][0]?.split(",").length ?? 0;
  const counts = new Map<string, number>();
  const seed = new Uint8Array(16);
  const counter = new DataView(seed.buffer);
  for (let i = 0; i < draws; i++) {
    counter.setUint32(0, i);
    const list = drawOrder(policy, candidates, seed).shown.slice(0, slots).join();
    counts.set(list, (counts.get(list) ?? 0) + 1);
  }
  const cells: { observed: number; expected: number }[] = [];
  const rare = { observed: 0, expected: 0 };
  for (const [list, p] of lists) {
    const cell = { observed: counts.get(list) ?? 0, expected: p * draws };
    if (cell.expected >= MIN_EXPECTED) cells.push(cell);
    else {
      rare.observed += cell.observed;
      rare.expected += cell.expected;
    }
  }
  if (rare.expected > 0) cells.push(rare);
  const chiSquare = cells.reduce((sum, { observed, expected }) => sum + (observed - expected) ** 2 / expected, 0);
  const degrees = cells.length - 1;
  const variance = 2 / (9 * degrees);
  const foreign = [...counts].reduce((sum, [list, count]) => sum + (lists.has(list) ? 0 : count), 0);
  return { chiSquare, degrees, z: (Math.cbrt(chiSquare / degrees) - 1 + variance) / Math.sqrt(variance), foreign };
}
