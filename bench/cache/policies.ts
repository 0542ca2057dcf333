// Replacement policies, as they are published, over keys that are whole numbers below `keys` and all of one size. They
// say which key is there and hold no value: what is compared is how often a key is.

/** A cache of at most so many keys. */
export interface Policy {
  /** Whether the key is there, which counts as a use of it. */
  use(key: number): boolean;
  /** Whether the key is there. */
  has(key: number): boolean;
  /** Puts a key in that is not there. */
  add(key: number): void;
  readonly isFull: boolean;
}

export type PolicyName = "LRU" | "CLOCK" | "S3-FIFO";

/** Bytes that a policy needs for a key, beside what every cache needs. */
export const POLICY_BYTES: Record<PolicyName, number> = {
  LRU: 8, // a link in each direction
  CLOCK: 0, // its bits have room in an entry's head
  "S3-FIFO": 4, // a fingerprint of a key that was dropped
};

export function policyOf(name: PolicyName, slots: number, keys: number): Policy {
  if (name === "LRU") return new Lru(slots, keys);
  return name === "CLOCK" ? new Clock(slots, keys) : new S3Fifo(slots, keys);
}

const NONE = -1;

class Lru implements Policy {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** By key: whether it is there. */
  readonly #there: Uint8Array;
  readonly #end: number;
  #free: number;

  constructor(slots: number, keys: number) {
    this.#next = new Int32Array(keys + 1);
    this.#previous = new Int32Array(keys + 1);
    this.#there = new Uint8Array(keys);
    this.#end = keys;
    this.#next[keys] = keys;
    this.#previous[keys] = keys;
    this.#free = slots;
  }

  get isFull(): boolean {
    return this.#free === 0;
  }

  has(key: number): boolean {
    return this.#there[key] === 1;
  }

  use(key: number): boolean {
    if (this.#there[key] === 0) return false;
    this.#unlink(key);
    this.#link(key);
    return true;
  }

  add(key: number): void {
    if (this.#free > 0) this.#free--;
    else {
      const oldest = this.#previous[this.#end];
      this.#unlink(oldest);
      this.#there[oldest] = 0;
    }
    this.#there[key] = 1;
    this.#link(key);
  }

  #link(key: number): void {
    const first = this.#next[this.#end];
    this.#next[this.#end] = key;
    this.#previous[key] = this.#end;
    this.#next[key] = first;
    this.#previous[first] = key;
  }

  #unlink(key: number): void {
    this.#next[this.#previous[key]] = this.#next[key];
    this.#previous[this.#next[key]] = this.#previous[key];
  }
}

/** A queue, first in, first out. */
class Queue {
  readonly #keys: Int32Array;
  #first = 0;
  length = 0;

  constructor(slots: number) {
    this.#keys = new Int32Array(slots);
  }

  push(key: number): void {
    this.#keys[(this.#first + this.length++) % this.#keys.length] = key;
  }

  shift(): number {
    const key = this.#keys[this.#first];
    this.#first = (this.#first + 1) % this.#keys.length;
    this.length--;
    return key;
  }
}

/** CLOCK with so many bits a key: a queue whose oldest goes to its end as often as it was used. */
class Clock implements Policy {
  readonly #queue: Queue;
  readonly #slots: number;
  /** By key: its uses since it was last at the queue's head, or NONE. */
  readonly #uses: Int8Array;
  readonly #most = 3;

  constructor(slots: number, keys: number) {
    this.#queue = new Queue(slots + 1);
    this.#slots = slots;
    this.#uses = new Int8Array(keys).fill(NONE);
  }

  get isFull(): boolean {
    return this.#queue.length >= this.#slots;
  }

  has(key: number): boolean {
    return this.#uses[key] !== NONE;
  }

  use(key: number): boolean {
    const uses = this.#uses[key];
    if (uses === NONE) return false;
    if (uses < this.#most) this.#uses[key] = uses + 1;
    return true;
  }

  add(key: number): void {
    while (this.isFull) {
      const oldest = this.#queue.shift();
      if (--this.#uses[oldest] !== NONE) this.#queue.push(oldest);
    }
    this.#uses[key] = 0;
    this.#queue.push(key);
  }
}

/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023): a small queue
 * of a tenth, whose keys go on to the main queue only if they were used again, and a list of those that were dropped
 * from it, which go to the main queue when they come back.
 */
class S3Fifo implements Policy {
  readonly #small: Queue;
  readonly #main: Queue;
  readonly #ghosts: Queue;
  readonly #smallSlots: number;
  readonly #slots: number;
  /** By key: its uses, or NONE. */
  readonly #uses: Int8Array;
  readonly #isGhost: Uint8Array;

  constructor(slots: number, keys: number) {
    this.#smallSlots = Math.max(1, Math.round(slots / 10));
    this.#slots = slots;
    this.#small = new Queue(slots + 1);
    this.#main = new Queue(slots + 1);
    this.#ghosts = new Queue(slots + 1);
    this.#uses = new Int8Array(keys).fill(NONE);
    this.#isGhost = new Uint8Array(keys);
  }

  get isFull(): boolean {
    return this.#small.length + this.#main.length >= this.#slots;
  }

  has(key: number): boolean {
    return this.#uses[key] !== NONE;
  }

  use(key: number): boolean {
    const uses = this.#uses[key];
    if (uses === NONE) return false;
    if (uses < 3) this.#uses[key] = uses + 1;
    return true;
  }

  add(key: number): void {
    while (this.isFull) this.#evict();
    this.#uses[key] = 0;
    if (this.#isGhost[key] === 1) this.#main.push(key);
    else this.#small.push(key);
  }

  #evict(): void {
    if (this.#small.length >= this.#smallSlots || this.#main.length === 0) {
      const oldest = this.#small.shift();
      if (this.#uses[oldest] > 0) {
        this.#uses[oldest] = 0;
        this.#main.push(oldest);
      } else {
        this.#uses[oldest] = NONE;
        this.#haunt(oldest);
      }
      return;
    }
    const oldest = this.#main.shift();
    if (--this.#uses[oldest] !== NONE) this.#main.push(oldest);
  }

  #haunt(key: number): void {
    if (this.#ghosts.length >= this.#slots) this.#isGhost[this.#ghosts.shift()] = 0;
    this.#ghosts.push(key);
    this.#isGhost[key] = 1;
  }
}
