import { estimate, type OffPolicyEstimate } from "../../lab/analysis/off-policy/estimate.ts";
import {
  directMethod,
  doublyRobust,
  ips,
  type RewardModel,
  type SlotRows,
  selfNormalizedDoublyRobust,
  snips,
  switchDoublyRobust,
} from "../../lab/analysis/off-policy/slot-estimators.ts";
import { clipped, importanceWeights, shrunk } from "../../lab/analysis/off-policy/weights.ts";

/** What estimators are given, an entry a round. */
export interface Rounds {
  reward: number[];
  /** The probability with which the item was shown, and with which the evaluated policy would have shown it. */
  pscore: number[];
  evaluated: number[];
  /** q̂ of the item that was shown, and Σ_a π(a)·q̂(a) under the evaluated policy. */
  shown: number[];
  policy: number[];
}

/** A peer's value, with its interval by the bootstrap. */
export interface PeerEstimate {
  name: string;
  value: number;
  low: number;
  high: number;
}

export interface Compared {
  peer: PeerEstimate;
  ours: OffPolicyEstimate;
  /** |ours − the peer's| as a share of the peer's. */
  off: number;
}

/** Ours by the peer's names of them. */
const ESTIMATORS = {
  ipw: ips,
  "ipw, clipped": (rows: SlotRows, _: RewardModel, cap: number) => ips(withWeights(rows, clipped(rows.weights, cap))),
  snipw: snips,
  dm: directMethod,
  dr: doublyRobust,
  "dr, clipped": (rows: SlotRows, model: RewardModel, cap: number) =>
    doublyRobust(withWeights(rows, clipped(rows.weights, cap)), model),
  sndr: selfNormalizedDoublyRobust,
  "switch-dr": switchDoublyRobust,
  "dr-os": (rows: SlotRows, model: RewardModel, lambda: number) =>
    doublyRobust(withWeights(rows, shrunk(rows.weights, lambda)), model),
};

function withWeights(rows: SlotRows, weights: Float64Array): SlotRows {
  return { ...rows, weights };
}

/** A peer's estimates beside ours of the same rounds. `lambda`: where weights are clipped, switched, shrunk. */
export function compare(
  { reward, pscore, evaluated, shown, policy }: Rounds,
  peers: readonly PeerEstimate[],
  lambda: number,
  resamples: number,
): Compared[] {
  const logged = Float64Array.from(pscore, Math.log);
  const rows = {
    weights: importanceWeights(Float64Array.from(evaluated, Math.log), logged),
    rewards: Float64Array.from(reward),
  };
  const model = { shown: Float64Array.from(shown), policy: Float64Array.from(policy) };
  const units = Uint32Array.from(reward, (_, round) => round);
  return peers.map((peer) => {
    const contributions = ESTIMATORS[peer.name as keyof typeof ESTIMATORS](rows, model, lambda);
    // Whatever the estimates are worth: that they are the same is the question.
    const ours = estimate(contributions, units, logged, { alpha: 0.05, resamples, seed: 1, minEffectiveSize: 0 });
    if ("refused" in ours) throw new Error(`${peer.name}: ${ours.refused}`);
    return { peer, ours, off: Math.abs(ours.value / peer.value - 1) };
  });
}
