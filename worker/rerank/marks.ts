import { RERANK_READ_BYTES } from "../limits.ts";
import { joined } from "./held-bytes.ts";

/** What marks stand at. */
const KINDS = ["list-start", "start", "end-tag", "end", "list-end"] as const;
export type MarkKind = (typeof KINDS)[number];

export interface Mark {
  kind: MarkKind;
  /** The number of the element, of those that are marked in its list. */
  element: number;
  /** The position in the origin's answer, which has no marks. */
  at: number;
}

/** A control character that no page has but by mistake: to search for one byte is quick. */
const FIRST = 0x01;
/** Before the letters of kinds. */
const LETTER_A = 0x61;
const NONCE_BYTES = 8;
/** Digits of an element's number. A list has too few bytes for one that needs more. */
const DIGITS = 5;
const RADIX = 36;
const NO_ELEMENT = "0".repeat(DIGITS);
/**
 * What is put after the mark at the end of a list, and dropped with it: a read that waits for so many bytes has them
 * then, and no list waits for what the origin sends after it.
 */
export const FILLER = " ".repeat(RERANK_READ_BYTES);

/**
 * The marks of one answer. They have a nonce, so that no page can hold one, and all have the same length: a control
 * character, 16 hexadecimal digits, a letter for the kind and a number, which are ASCII in every charset that the
 * parser knows, and nothing that it would escape in a text.
 */
export class Marks {
  readonly #start: string;
  /** What each kind begins with. */
  readonly #kinds: readonly string[];

  constructor() {
    this.#start = String.fromCharCode(FIRST) + crypto.getRandomValues(new Uint8Array(NONCE_BYTES)).toHex();
    this.#kinds = KINDS.map((_, i) => this.#start + String.fromCharCode(LETTER_A + i));
  }

  get listStart(): string {
    return this.#of("list-start", NO_ELEMENT);
  }

  get listEnd(): string {
    return this.#of("list-end", NO_ELEMENT);
  }

  /** The marks of an element: before it, before the end tag at which it ends, and after that. */
  around(element: number): { start: string; endTag: string; end: string } {
    const number = element.toString(RADIX).padStart(DIGITS, "0");
    return { start: this.#of("start", number), endTag: this.#of("end-tag", number), end: this.#of("end", number) };
  }

  #of(kind: MarkKind, number: string): string {
    return this.#kinds[KINDS.indexOf(kind)] + number;
  }

  scanner(): MarkScanner {
    return new MarkScanner(new TextEncoder().encode(this.#start));
  }
}

/** Finds the marks in what the parser gives out, part by part. */
export class MarkScanner {
  readonly #start: Uint8Array;
  #position = 0;
  /** Of a filler, what is still to come. */
  #skip = 0;
  /** What may be the beginning of a mark, until more comes. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(start: Uint8Array) {
    this.#start = start;
  }

  /** How many bytes of the origin's answer were seen so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * The marks of the next part. `onBytes` gets what is between them, which is the origin's: where it is in `bytes`, and
   * its position in the answer.
   */
  scan(part: Uint8Array, onBytes: (bytes: Uint8Array, from: number, to: number, at: number) => void): Mark[] {
    const found: Mark[] = [];
    const bytes = this.#rest.length > 0 ? joined([this.#rest, part]) : part;
    const length = this.#start.length + 1 + DIGITS;
    let from = 0;
    const pass = (to: number): void => {
      if (to > from) onBytes(bytes, from, to, this.#position);
      this.#position += to - from;
      from = to;
    };
    let search = 0;
    for (;;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - from);
        this.#skip -= skipped;
        from += skipped;
        search = from;
      }
      const at = bytes.indexOf(FIRST, search);
      if (at < 0) break;
      if (!this.#isMark(bytes, at)) {
        search = at + 1;
        continue;
      }
      if (at + length > bytes.length) {
        pass(at);
        this.#rest = bytes.slice(at);
        return found;
      }
      pass(at);
      from = at + length;
      search = from;
      const kind = KINDS[(bytes[at + this.#start.length] as number) - LETTER_A] as MarkKind;
      found.push({ kind, element: numberBefore(bytes, from), at: this.#position });
      if (kind === "list-end") this.#skip = FILLER.length;
    }
    pass(bytes.length);
    this.#rest = EMPTY;
    return found;
  }

  /** Whether a mark begins at `at`, as far as that can be seen. */
  #isMark(bytes: Uint8Array, at: number): boolean {
    for (let i = 0; i < this.#start.length && at + i < bytes.length; i++)
      if (bytes[at + i] !== this.#start[i]) return false;
    return true;
  }
}

/** The number that ends before `end`. */
function numberBefore(bytes: Uint8Array, end: number): number {
  let digits = "";
  for (let i = end - DIGITS; i < end; i++) digits += String.fromCharCode(bytes[i] as number);
  return Number.parseInt(digits, RADIX);
}

const EMPTY = new Uint8Array(0);
