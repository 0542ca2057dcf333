import { FormatError } from "../../../format/errors.ts";
import type { Exposure } from "../../../format/exposure.ts";
import { readFloats } from "../../../format/floats.ts";
import { drawOrder, type Order } from "../../../runtime/orders/order.ts";
import { exposuresOf } from "../log/exposure-lines.ts";
import type { LineDatabase } from "../log/line-database.ts";
import type { ReplayCheck } from "./result.ts";

/** Lines that are drawn again. */
const SAMPLE = 1000;
/** The list's own may be written with fewer digits than the slots' sum has. */
const LIST_TOLERANCE = 1e-6;
/** Ids that are named. */
const EXAMPLES = 3;

/**
 * Draws the orders of a sample of lines again. A line that differs was written by other code than it is read by, or
 * was changed, and then its propensities say nothing.
 */
export async function replayCheck(lines: LineDatabase): Promise<ReplayCheck> {
  const sample = `SELECT row FROM list WHERE policy IS NOT NULL AND served = 'arm' ORDER BY hash(id) LIMIT ${SAMPLE}`;
  const found: ReplayCheck = { replayed: 0, orders: 0, propensities: 0, skipped: 0, examples: [] };
  for await (const exposure of exposuresOf(lines, sample)) {
    const order = exposure && redrawn(exposure);
    if (!order) {
      found.skipped++;
      continue;
    }
    found.replayed++;
    const sameOrder = exposure.shown.every((item, slot) => item === order.shown[slot]);
    if (!sameOrder) found.orders++;
    else if (!samePropensities(exposure, order)) found.propensities++;
    else continue;
    found.examples.push(exposure.id);
  }
  return { ...found, examples: found.examples.sort().slice(0, EXAMPLES) };
}

/** The order of a line, drawn again; null where it lacks what that takes. */
function redrawn({ policy, cand, logits, rival, seed, flags }: Exposure): Order | null {
  // A line with some of its candidates only lacks those that were passed over.
  if (!policy || logits === undefined || flags?.includes("s")) return null;
  if (policy.policy === "team-draft" && rival === undefined) return null;
  const candidates = {
    ids: cand,
    logits: readFloats(logits, "logits"),
    ...(rival !== undefined && { rivalLogits: readFloats(rival, "rival") }),
  };
  try {
    return drawOrder(policy, candidates, Buffer.from(seed, "hex"));
  } catch (error) {
    // Such as logits that no order is drawn by.
    if (error instanceof FormatError) return null;
    throw error;
  }
}

function samePropensities({ p, lp }: Exposure, order: Order): boolean {
  const logged = readFloats(p, "p");
  const near = Math.abs(lp - order.logPropensity) <= LIST_TOLERANCE * Math.max(1, Math.abs(lp));
  return near && logged.every((log, slot) => log === Math.fround(order.logPropensities[slot]));
}
