import type { Policy } from "../../format/policy.ts";
import type { Candidates } from "./candidates.ts";

/**
 * What a policy chooses from: the candidates of a list that are not pinned, and the slots that are left for them. In a
 * policy's own arithmetic they are numbered anew, from 0 on, in the caller's order.
 */
export class Pool {
  /** Of each free candidate: its index among all. */
  readonly candidates: readonly number[];
  /** How many free slots are drawn: those among the first k. The others follow by logit. */
  readonly drawn: number;
  readonly logits: readonly number[];
  /** Of each candidate: whether the slot of its place keeps it. */
  readonly #pinned: readonly boolean[];

  constructor({ logits }: Candidates, policy: Policy) {
    const n = logits.length;
    const pinned = new Array<boolean>(n).fill(false);
    for (const slot of policy.pinned ?? []) if (slot < n) pinned[slot] = true;
    const free: number[] = [];
    for (let i = 0; i < n; i++) if (!pinned[i]) free.push(i);
    this.#pinned = pinned;
    this.candidates = free;
    const k = policy.policy === "greedy" ? 0 : Math.min(policy.k ?? n, n);
    this.drawn = free.filter((slot) => slot < k).length;
    this.logits = this.of(logits);
  }

  isPinned(slot: number): boolean {
    return this.#pinned[slot] === true;
  }

  /** Values of the free candidates, of those of all. */
  of(values: ArrayLike<number>): number[] {
    return this.candidates.map((i) => values[i]);
  }

  /** The whole list: free candidates in `order` around those that are pinned. */
  placed(order: readonly number[]): number[] {
    let next = 0;
    return this.#pinned.map((pinned, slot) => (pinned ? slot : this.candidates[order[next++]]));
  }

  /** The free candidates of a list, or of its first slots, in its order. Undefined where a pinned one is elsewhere. */
  freed(shown: readonly number[]): number[] | undefined {
    const numbers = this.#pinned.map(() => -1);
    for (const [number, candidate] of this.candidates.entries()) numbers[candidate] = number;
    const free: number[] = [];
    for (const [slot, candidate] of shown.entries()) {
      const number = numbers[candidate];
      if (this.isPinned(slot) ? candidate !== slot : number < 0) return undefined;
      if (number >= 0) free.push(number);
    }
    return free;
  }
}
