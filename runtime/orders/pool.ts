import type { Policy } from "../../format/policy.ts";
import type { Candidates } from "./candidates.ts";

/**
 * What a policy chooses from: the candidates of a list that are not pinned, and the slots that are left for them. In a
 * policy's own arithmetic they are numbered anew, from 0 on, in the caller's order.
 */
export class Pool {
  /** Of each free candidate: its index among all. */
  readonly candidates: Uint32Array;
  /** How many free slots are drawn: those among the first k. The others follow by logit. */
  readonly drawn: number;
  readonly logits: Float64Array;
  /** Of each candidate: 1 where the slot of its place keeps it. */
  readonly #pinned: Uint8Array;

  constructor({ logits }: Candidates, policy: Policy) {
    const n = logits.length;
    this.#pinned = new Uint8Array(n);
    for (const slot of policy.pinned ?? []) if (slot < n) this.#pinned[slot] = 1;
    const free: number[] = [];
    for (let i = 0; i < n; i++) if (!this.#pinned[i]) free.push(i);
    this.candidates = Uint32Array.from(free);
    const k = policy.policy === "greedy" ? 0 : Math.min(policy.k ?? n, n);
    this.drawn = free.filter((slot) => slot < k).length;
    this.logits = this.of(logits);
  }

  isPinned(slot: number): boolean {
    return this.#pinned[slot] === 1;
  }

  /** Values of the free candidates, of those of all. */
  of(values: ArrayLike<number>): Float64Array {
    const free = new Float64Array(this.candidates.length);
    for (let i = 0; i < free.length; i++) free[i] = values[this.candidates[i]];
    return free;
  }

  /** The whole list: free candidates in `order` around those that are pinned. */
  placed(order: Uint32Array): Uint32Array {
    const shown = new Uint32Array(this.#pinned.length);
    let next = 0;
    for (let slot = 0; slot < shown.length; slot++)
      shown[slot] = this.#pinned[slot] ? slot : this.candidates[order[next++]];
    return shown;
  }

  /** The free candidates of a list, or of its first slots, in its order. Undefined where a pinned one is elsewhere. */
  freed(shown: ArrayLike<number>): Uint32Array | undefined {
    const numbers = new Int32Array(this.#pinned.length).fill(-1);
    for (let i = 0; i < this.candidates.length; i++) numbers[this.candidates[i]] = i;
    const free = new Uint32Array(shown.length);
    let count = 0;
    for (let slot = 0; slot < shown.length; slot++) {
      const number = numbers[shown[slot]];
      if (this.#pinned[slot] ? shown[slot] !== slot : number < 0) return undefined;
      if (number >= 0) free[count++] = number;
    }
    return free.subarray(0, count);
  }
}
