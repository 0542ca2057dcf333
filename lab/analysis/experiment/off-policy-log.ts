import { FormatError } from "../../../format/errors.ts";
import type { Exposure } from "../../../format/exposure.ts";
import { readFloats } from "../../../format/floats.ts";
import type { Policy } from "../../../format/policy.ts";
import type { Candidates } from "../../../runtime/orders/candidates.ts";
import { logPropensities } from "../../../runtime/orders/order.ts";
import { literal } from "../../../trainer/data/sql.ts";
import { foldOf } from "../export/folds.ts";
import { exposuresOf } from "../log/exposure-lines.ts";
import type { LineDatabase } from "../log/line-database.ts";
import type { ListRows } from "../off-policy/list-estimators.ts";
import type { RewardModels } from "./reward-models.ts";
import { firstSlotProbabilities, hasMarginals, hasSupport, rankMarginals, type Target } from "./target-policy.ts";

/** Lists that are judged at most, of the units that come first by their hashes. */
const MOST_LISTS = 50_000;
/** Slots at most: the weights of longer lists are those of no log. */
const MOST_SLOTS = 20;
/**
 * Milliseconds that marginals may take for a target, as estimated: with 6 candidates and 3 slots a list's took 0.6 ms,
 * with 20 and 5 2.6 ms, with 100 and 10 116 ms. It is no clock, so that the same log gives the same numbers.
 */
const MARGINAL_BUDGET = 10_000;

/** Parts of the units: the reward model is asked about one part, and fitted on the other. */
export const FOLDS = 2;

/**
 * The lists of one arm as another policy sees them, in the order of their units' hashes: whatever depends on an order,
 * such as which units a resample draws, is the same in whatever order the files have the lines.
 */
export interface OffPolicyLog {
  lists: number;
  /** Of each list, its unit, from 0 on. */
  units: Uint32Array;
  /** Of each list, which of FOLDS its unit is in, from 0 on. */
  folds: Uint8Array;
  /** Of each list, how many it stands for: 1 over the probability with which its line was kept. */
  counts: Float64Array;
  rows: ListRows;
  /** Of the first lists, as many as can be paid for: ln of the marginals of the items at their ranks. Null: none. */
  marginals: Pick<OffPolicyLog, "lists" | "units" | "counts" | "rows"> | null;
  first: FirstSlot;
  /** Whether the lists may have had all that the target would show in the first slot, and in all that are judged. */
  support: { first: boolean; list: boolean };
  /** Lists without what it takes. */
  skipped: number;
}

/** The first slot of each list, for estimators of single choices. */
export interface FirstSlot {
  /** The item that was shown. */
  shown: Uint32Array;
  /** Of each list: what trained models say of a click on its candidates, each of a unit that they do not know. */
  clicked: Float64Array[] | null;
  /** The logit that the target gives the item that was shown. */
  shownLogits: Float64Array;
  /** Of each list: the target's logits, and the probabilities of its candidates in the first slot. */
  logits: Float64Array[];
  probabilities: Float64Array[];
}

/** Reads the lists of an arm that its policy drew. */
export async function offPolicyLog(
  lines: LineDatabase,
  arm: string,
  target: Target,
  models?: RewardModels,
): Promise<OffPolicyLog> {
  const from = `FROM list WHERE arm = ${literal(arm)} AND served = 'arm' AND policy IS NOT NULL`;
  const clicks = new Map<string, number[]>();
  for (const { id, slot } of await lines.rows<{ id: string; slot: number }>(
    `SELECT outcome.id, slot FROM outcome WHERE type = 'click' AND id IN (SELECT id ${from})`,
  ))
    clicks.set(id, [...(clicks.get(id) ?? []), slot]);

  const lists: List[] = [];
  let skipped = 0;
  const sample = `SELECT row ${from} ORDER BY u, id LIMIT ${MOST_LISTS}`;
  for await (const exposure of exposuresOf(lines, sample)) {
    const list = exposure && judgedList(exposure, target, clicks.get(exposure.id) ?? []);
    if (!list) {
      skipped++;
      continue;
    }
    lists.push(models ? { ...list, clicked: models.clicked(exposure) } : list);
  }
  lists.sort((a, b) => (a.unit === b.unit ? compare(a.id, b.id) : compare(a.unit, b.unit)));
  const units = new Map([...new Set(lists.map(({ unit }) => unit))].map((unit, i) => [unit, i]));
  const slots = lists.reduce((most, { logged }) => Math.max(most, logged.length), 0);
  const numbers = Uint32Array.from(lists, ({ unit }) => units.get(unit) ?? 0);
  const counts = Float64Array.from(lists, ({ keep }) => 1 / keep);
  const support = lists.map(({ policy, logits }) => hasSupport(policy, target, logits.length));
  const priced = affordable(lists, target);
  const first = { lists: priced.length, units: numbers.subarray(0, priced.length), counts };
  return {
    ...{ lists: lists.length, units: numbers, counts, rows: rowsOf(lists, slots) },
    folds: Uint8Array.from(lists, ({ unit }) => foldOf(unit, FOLDS)),
    marginals: priced.length > 0 ? { ...first, rows: marginalRows(priced, slots, target) } : null,
    first: {
      shown: Uint32Array.from(lists, ({ shown }) => shown[0]),
      clicked: models ? lists.map(({ clicked }) => clicked) : null,
      shownLogits: Float64Array.from(lists, ({ logits, shown }) => logits[shown[0]]),
      logits: lists.map(({ logits }) => Float64Array.from(logits)),
      probabilities: lists.map(({ logits }) => firstSlotProbabilities(target.policy, { logits })),
    },
    support: { first: support.every((own) => own.first), list: support.every((own) => own.list) },
    skipped,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface List {
  id: string;
  unit: string;
  keep: number;
  /** The policy that ordered it, and the logits it did so by; null where the line has none. */
  policy: Policy;
  own: Float32Array | null;
  /** The target's. */
  logits: Float32Array;
  /** Items of the slots that are judged, with numbers for each. */
  shown: number[];
  logged: number[];
  evaluated: number[];
  rewards: number[];
  /** What trained models say of a click on each candidate; none without them. */
  clicked: Float64Array;
}

/** A list as the target sees it; null where its line has not what that takes. */
function judgedList(exposure: Exposure, target: Target, clicks: readonly number[]): List | null {
  const { policy, cand, p, shown: all, flags } = exposure;
  const text = target.logits === "own" ? exposure.logits : exposure.shadow?.logits;
  if (!policy || text === undefined || flags?.includes("s") || all.length === 0) return null;
  const logits = readFloats(text, "logits");
  const own = exposure.logits === undefined ? null : readFloats(exposure.logits, "logits");
  // Of a greedy policy no slot is drawn: then the first one says that nothing was.
  const logged = p === "" ? [0] : [...readFloats(p, "p").subarray(0, MOST_SLOTS)];
  const shown = all.slice(0, logged.length);
  const evaluated = propensities(target.policy, { ids: cand, logits }, shown);
  if (evaluated === null) return null;
  const rewards = shown.map((_, slot) => clicks.filter((clicked) => clicked === slot).length);
  const { id, u: unit, keep } = exposure;
  return { id, unit, keep, policy, own, logits, shown, logged, evaluated, rewards, clicked: new Float64Array(0) };
}

/** null where the policy cannot order by such logits. */
function propensities(policy: Policy, candidates: Candidates, shown: readonly number[]): number[] | null {
  try {
    return logPropensities(policy, candidates, shown);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Numbers of the slots of all lists, with 0 for slots that a list has not: the logarithm of 1, and no reward. */
function padded(lists: readonly List[], slots: number, of: (list: List) => readonly number[]): Float64Array {
  const all = new Float64Array(lists.length * slots);
  for (const [i, list] of lists.entries()) all.set(of(list), i * slots);
  return all;
}

function rowsOf(lists: readonly List[], slots: number): ListRows {
  return {
    slots,
    rewards: padded(lists, slots, ({ rewards }) => rewards),
    logged: padded(lists, slots, ({ logged }) => logged),
    evaluated: padded(lists, slots, ({ evaluated }) => evaluated),
  };
}

/** The first lists whose marginals the budget pays for; none where one of the policies has no marginals. */
function affordable(lists: readonly List[], { policy }: Target): List[] {
  const known = lists.every(
    ({ own, shown, policy: logged }) =>
      own !== null && hasMarginals(logged, shown.length) && hasMarginals(policy, shown.length),
  );
  if (!known) return [];
  let spent = 0;
  const end = lists.findIndex(({ logits, shown }) => {
    spent += 2 * (0.5 + (logits.length ** 2 * shown.length) / 1000);
    return spent > MARGINAL_BUDGET;
  });
  return lists.slice(0, end < 0 ? lists.length : end);
}

/** Rows whose logarithms are those of marginals. */
function marginalRows(lists: readonly List[], slots: number, target: Target): ListRows {
  const logOf = ({ shown }: List, policy: Policy, logits: Float32Array): number[] => {
    const marginals = rankMarginals(policy, { logits }, shown.length);
    return shown.map((item, rank) => Math.log(marginals[rank * logits.length + item]));
  };
  return {
    ...rowsOf(lists, slots),
    logged: padded(lists, slots, (list) => logOf(list, list.policy, list.own ?? list.logits)),
    evaluated: padded(lists, slots, (list) => logOf(list, target.policy, list.logits)),
  };
}
