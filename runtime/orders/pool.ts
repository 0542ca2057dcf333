import type { Policy } from "../../format/policy.ts";
import { doublesOf, integersOf, zerosOf } from "./arena.ts";
import type { Candidates } from "./candidates.ts";
import { descending } from "./ranking.ts";

/**
 * What a policy chooses from: the candidates of a list that are not pinned, and the slots that are left for them. In a
 * policy's own arithmetic they are numbered anew, from 0 on, in the caller's order.
 */
export class Pool {
  /** Of each free candidate: its index among all. */
  readonly candidates: Int32Array;
  /** How many free slots are drawn: those among the first k. The others follow by logit. */
  readonly drawn: number;
  /** How many free slots are asked for. */
  readonly asked: number;
  readonly logits: Float64Array;
  /** Of each candidate: 1 where the slot of its place keeps it. */
  readonly #pinned: Int32Array;
  #byLogit: Int32Array | null = null;

  /** `slots`: how many of the first slots are asked for. */
  constructor({ logits }: Candidates, policy: Policy, slots: number) {
    const n = logits.length;
    this.#pinned = zerosOf(n);
    for (const slot of policy.pinned ?? []) if (slot < n) this.#pinned[slot] = 1;
    const k = policy.policy === "greedy" ? 0 : Math.min(policy.k ?? n, slots);
    const free = integersOf(n);
    let count = 0;
    let drawn = 0;
    let asked = 0;
    for (let i = 0; i < n; i++) {
      if (this.#pinned[i] === 1) continue;
      free[count++] = i;
      if (i < k) drawn++;
      if (i < slots) asked++;
    }
    this.candidates = free.subarray(0, count);
    this.drawn = drawn;
    this.asked = asked;
    this.logits = this.of(logits);
  }

  /** The free candidates in descending order of their logits. They are sorted once. */
  get byLogit(): Int32Array {
    this.#byLogit ??= descending(this.logits);
    return this.#byLogit;
  }

  isPinned(slot: number): boolean {
    return this.#pinned[slot] === 1;
  }

  /** Values of the free candidates, of those of all. */
  of(values: ArrayLike<number>): Float64Array {
    const own = doublesOf(this.candidates.length);
    for (let i = 0; i < own.length; i++) own[i] = values[this.candidates[i]];
    return own;
  }

  /** The first slots of the list: free candidates in `order` around those that are pinned. */
  placed(order: Int32Array, slots: number): number[] {
    const shown: number[] = [];
    let next = 0;
    for (let slot = 0; slot < slots; slot++)
      shown.push(this.#pinned[slot] === 1 ? slot : this.candidates[order[next++]]);
    return shown;
  }

  /**
   * The free candidates of a list, or of its first slots, in its order: of the slots before `end`, the first one that a
   * pinned candidate is kept from, or that has one of another slot.
   */
  freed(shown: readonly number[]): { free: Int32Array; end: number } {
    const numbers = integersOf(this.#pinned.length).fill(-1);
    for (let number = 0; number < this.candidates.length; number++) numbers[this.candidates[number]] = number;
    const free = integersOf(shown.length);
    let count = 0;
    let end = 0;
    for (; end < shown.length; end++) {
      const number = numbers[shown[end]];
      if (this.#pinned[end] === 1 ? shown[end] !== end : number < 0) break;
      if (number >= 0) free[count++] = number;
    }
    return { free: free.subarray(0, count), end };
  }
}
