/** What a mark stands before or after. */
export type MarkKind = "list-start" | "item-start" | "item-end" | "list-end";

export interface Mark {
  kind: MarkKind;
  /** The position in the origin's answer, which has no marks. */
  at: number;
}

/** A control character that no page has but by mistake: to search for one byte is quick. */
const FIRST = 0x01;
const KINDS: readonly MarkKind[] = ["list-start", "item-start", "item-end", "list-end"];
/** Before the letters of kinds. */
const LETTER_A = 0x61;
const NONCE_BYTES = 8;

/**
 * The marks of one answer. They have a nonce, so that no page can hold one, and all have the same length: a control
 * character, 16 hexadecimal digits and a letter for the kind, which are ASCII in every charset that the parser knows.
 */
export class Marks {
  readonly #texts: readonly string[];
  readonly #bytes: Uint8Array;
  /** Bytes after the mark at the end of a list, which are dropped with it. */
  readonly #filler: number;

  /**
   * `filler`: what comes after the mark at the end of a list, so that a read which waits for so many bytes has them,
   * and no list waits for what the origin sends after it.
   */
  constructor(filler: number) {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES)).toHex();
    const start = String.fromCharCode(FIRST) + nonce;
    this.#bytes = new TextEncoder().encode(start);
    this.#texts = KINDS.map(
      (kind, i) => start + String.fromCharCode(LETTER_A + i) + (kind === "list-end" ? " ".repeat(filler) : ""),
    );
    this.#filler = filler;
  }

  text(kind: MarkKind): string {
    return this.#texts[KINDS.indexOf(kind)] as string;
  }

  scanner(): MarkScanner {
    return new MarkScanner(this.#bytes, this.#filler);
  }
}

/** Finds the marks in what the parser gives out, part by part. */
export class MarkScanner {
  readonly #start: Uint8Array;
  readonly #filler: number;
  #position = 0;
  /** Of a filler, what is still to come. */
  #skip = 0;
  /** What may be the beginning of a mark, until more comes. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(start: Uint8Array, filler: number) {
    this.#start = start;
    this.#filler = filler;
  }

  /** How many bytes of the origin's answer were seen so far. */
  get position(): number {
    return this.#position;
  }

  /** The marks of the next part. `onBytes` gets what is between them, which is the origin's, with its position. */
  scan(part: Uint8Array, onBytes: (bytes: Uint8Array, at: number) => void): Mark[] {
    const found: Mark[] = [];
    const bytes = this.#rest.length > 0 ? concat(this.#rest, part) : part;
    const length = this.#start.length + 1;
    let from = 0;
    const pass = (to: number): void => {
      if (to > from) onBytes(bytes.subarray(from, to), this.#position);
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
      const kind = KINDS[(bytes[at + length - 1] as number) - LETTER_A] as MarkKind;
      found.push({ kind, at: this.#position });
      from = at + length;
      search = from;
      if (kind === "list-end") this.#skip = this.#filler;
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

const EMPTY = new Uint8Array(0);

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
