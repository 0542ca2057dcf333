import { type Hash64, murmur128, toHex } from "../../format/hash.ts";
import { type Policy, parsePolicy } from "../../format/policy.ts";
import type { Candidates } from "../../runtime/orders/candidates.ts";
import { drawOrder } from "../../runtime/orders/order.ts";
import { integer, pick, seeded } from "../format/random.ts";

// What a log line says, replayed: a test in Node and one in workerd compare the same digest.

/** One policy of each kind, with parameters. */
export const POLICIES: readonly Policy[] = [
  { policy: "greedy" },
  { policy: "greedy", pinned: [1] },
  { policy: "plackett-luce", temperature: 1 },
  { policy: "plackett-luce", temperature: 0.3, k: 4, pinned: [0, 2] },
  { policy: "epsilon-greedy", epsilon: 0.2 },
  { policy: "epsilon-greedy", epsilon: 0.5, k: 3, pinned: [1] },
  { policy: "team-draft", rival: "other" },
  { policy: "team-draft", rival: "other", k: 5, pinned: [3] },
].map((policy) => parsePolicy(policy));

/** Candidates with ids of several lengths and scripts, and with float32 logits of two models. */
export function randomCandidates(random: () => number, n: number): Candidates {
  const logits = (): Float32Array => Float32Array.from({ length: n }, () => 6 * random() - 4);
  const ids = Array.from({ length: n }, (_, i) => `${pick(random, ["", "sku-", "Größe ", "商品"])}${i * 7919}`);
  return { ids, logits: logits(), rivalLogits: logits() };
}

export function randomSeed(random: () => number): Uint8Array {
  return Uint8Array.from({ length: 16 }, () => integer(random, 0, 255));
}

/** How many lines are replayed. */
export const LINES = 10_000;

/** Digest of the orders of 10,000 lines, with every bit of their log-propensities, as Node 24 computed it first. */
export const REPLAYED = "9771b62bb685e5e1";

/** The digest of what this runtime computes. */
export function replayDigest(): string {
  const random = seeded(20);
  const hash: Hash64 = { lo: 0, hi: 0 };
  for (let line = 0; line < LINES; line++) {
    const policy = POLICIES[line % POLICIES.length] as Policy;
    const order = drawOrder(policy, randomCandidates(random, integer(random, 1, 20)), randomSeed(random));
    const numbers = [...order.shown, ...order.logPropensities, order.logPropensity, hash.lo, hash.hi];
    const bytes = new Uint8Array(Float64Array.from(numbers).buffer);
    murmur128(bytes, 0, bytes.length, line, hash);
  }
  return toHex(new Uint8Array(Uint32Array.of(hash.hi, hash.lo).buffer));
}
