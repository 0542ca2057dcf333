import { PAGE_DIGEST_BYTES } from "../format/constants.ts";

const WORDS = PAGE_DIGEST_BYTES / 4;
/** A table is at most this full: with more, looking up walks far. */
const FULLEST = 0.6;

/**
 * A set of page digests in one table of 16-byte slots: some 40 bytes a digest, where a Set of texts takes 100. Digests
 * are given as lists, 16 bytes each.
 */
export class DigestSet {
  #slots: Uint32Array;
  #size = 0;
  /** A slot of zeros is empty, so that this digest is kept apart. */
  #hasZero = false;

  /** `expected`: how many digests there will be. */
  constructor(expected = 0) {
    this.#slots = new Uint32Array(WORDS * capacityFor(expected));
  }

  get size(): number {
    return this.#size + Number(this.#hasZero);
  }

  /** Adds all digests of a list. */
  addAll(digests: Uint8Array): void {
    const words = wordsOf(digests);
    for (let at = 0; at < words.length; at += WORDS) this.#add(words, at);
  }

  /** Adds one digest. Returns whether it is a new one. */
  add(digest: Uint8Array): boolean {
    const before = this.size;
    this.#add(wordsOf(digest), 0);
    return this.size > before;
  }

  /** Whether it has the `i`-th digest of a list. */
  has(digests: Uint8Array, i = 0): boolean {
    return this.#hasWords(wordsOf(digests.subarray(i * PAGE_DIGEST_BYTES, (i + 1) * PAGE_DIGEST_BYTES)), 0);
  }

  /** Adds those digests of a list that another set has. */
  addShared(digests: Uint8Array, other: DigestSet): void {
    const words = wordsOf(digests);
    for (let at = 0; at < words.length; at += WORDS) if (other.#hasWords(words, at)) this.#add(words, at);
  }

  #hasWords(words: Uint32Array, at: number): boolean {
    if (isZero(words, at)) return this.#hasZero;
    return !isZero(this.#slots, this.#slotOf(words, at));
  }

  #add(words: Uint32Array, at: number): void {
    if (isZero(words, at)) {
      this.#hasZero = true;
      return;
    }
    const slot = this.#slotOf(words, at);
    if (!isZero(this.#slots, slot)) return;
    for (let w = 0; w < WORDS; w++) this.#slots[slot + w] = words[at + w] as number;
    this.#size++;
    if (WORDS * this.#size > FULLEST * this.#slots.length) this.#grow();
  }

  /** Where a digest is, or the empty slot where it belongs. */
  #slotOf(words: Uint32Array, at: number): number {
    const slots = this.#slots;
    const last = slots.length / WORDS - 1;
    // A digest is a hash itself; that of a test may be a number in its first word.
    let slot = Math.imul((words[at] as number) ^ (words[at + 1] as number), 0x9e3779b1) >>> 0;
    for (; ; slot++) {
      const found = WORDS * (slot & last);
      if (isZero(slots, found) || isSame(slots, found, words, at)) return found;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(2 * old.length);
    this.#size = 0;
    for (let at = 0; at < old.length; at += WORDS) if (!isZero(old, at)) this.#add(old, at);
  }
}

function capacityFor(digests: number): number {
  return 2 ** Math.max(4, Math.ceil(Math.log2(digests / FULLEST + 1)));
}

/** The words of digests, copied where they do not begin at a multiple of a word. */
function wordsOf(digests: Uint8Array): Uint32Array {
  const { buffer, byteOffset, length } = digests.byteOffset % 4 === 0 ? digests : digests.slice();
  return new Uint32Array(buffer, byteOffset, length / 4);
}

function isZero(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0;
}

function isSame(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  for (let w = 0; w < WORDS; w++) if (a[i + w] !== b[j + w]) return false;
  return true;
}
