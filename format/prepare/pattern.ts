import { CodeClasses } from "./code-classes.ts";
import { parsePattern } from "./pattern-syntax.ts";

/** Marks fit 32 bits: beyond this one they begin again before the next text. */
const MAX_MARK = 2 ** 30;

const CHAR = 0;
const SPLIT = 1;
const JUMP = 2;
const START = 3;
const END = 4;
const OPEN = 5;
const CLOSE = 6;
const MATCH = 7;
const OPERATIONS = {
  char: CHAR,
  split: SPLIT,
  jump: JUMP,
  start: START,
  end: END,
  open: OPEN,
  close: CLOSE,
  match: MATCH,
};

/** Ways to go on at a place in a text, in the order of their preference. */
class Threads {
  count = 0;
  /** For each the instruction that takes the next character, or the match. */
  readonly places: Int16Array;
  /** Where its group began and ended; -1 where it has not. */
  readonly opens: Int32Array;
  readonly closes: Int32Array;
  /** For each instruction the mark of the place in the text at which it was last come to. */
  readonly seen: Int32Array;

  constructor(instructions: number) {
    this.places = new Int16Array(instructions);
    this.opens = new Int32Array(instructions);
    this.closes = new Int32Array(instructions);
    this.seen = new Int32Array(instructions);
  }
}

/**
 * A regular expression that a text is matched with in one pass: all ways to go on are followed side by side, each
 * instruction at most once for a character (Pike's method; Cox, "Regular Expression Matching: the Virtual Machine
 * Approach", 2009). So the time is bounded by the characters times the instructions, whatever the text is.
 */
export class Pattern {
  readonly #operations: Uint8Array;
  /** Where splits and jumps go; the preferred way first. */
  readonly #first: Int16Array;
  readonly #second: Int16Array;
  readonly #classes: CodeClasses;
  /** For each instruction and class of characters whether it takes one. */
  readonly #takes: Uint8Array;
  /** Whether a match can begin at the text's first character only. */
  readonly #anchored: boolean;
  #now: Threads;
  #next: Threads;
  #mark = 0;
  /** The length of the text that is matched. */
  #length = 0;

  /** Throws Error where the pattern is none, which whoever parses a spec finds first. */
  constructor(pattern: string) {
    const { program, problem } = parsePattern(pattern);
    if (program === null) throw new Error(problem);
    this.#operations = Uint8Array.from(program, ({ kind }) => OPERATIONS[kind]);
    this.#first = Int16Array.from(program, (one) =>
      one.kind === "split" ? one.first : one.kind === "jump" ? one.to : 0,
    );
    this.#second = Int16Array.from(program, (one) => (one.kind === "split" ? one.second : 0));
    this.#classes = new CodeClasses(program.flatMap((one) => (one.kind === "char" ? [one.ranges] : [])));
    const { count } = this.#classes;
    this.#takes = new Uint8Array(program.length * count);
    program.forEach((one, place) => {
      if (one.kind !== "char") return;
      for (let kind = 0; kind < count; kind++)
        this.#takes[place * count + kind] = this.#classes.includes(one.ranges, kind) ? 1 : 0;
    });
    this.#anchored = program[0]?.kind === "start" || (program[0]?.kind === "open" && program[1]?.kind === "start");
    this.#now = new Threads(program.length);
    this.#next = new Threads(program.length);
  }

  /** What the group of the first match is; null where there is no match, or the group is not part of it. */
  capture(text: string): string | null {
    if (this.#mark > MAX_MARK) this.#forgetMarks();
    this.#length = text.length;
    this.#mark++;
    this.#now.count = 0;
    const classes = this.#classes.count;
    let found = false;
    let open = -1;
    let close = -1;
    for (let at = 0; ; ) {
      const now = this.#now;
      if (!found && (at === 0 || !this.#anchored)) this.#follow(now, 0, at, -1, -1);
      if (now.count === 0 && (found || this.#anchored)) break;
      const point = text.codePointAt(at);
      const kind = point === undefined ? -1 : this.#classes.of(point);
      const after = at + (point !== undefined && point > 0xffff ? 2 : 1);
      const next = this.#next;
      this.#mark++;
      next.count = 0;
      for (let i = 0; i < now.count; i++) {
        const place = now.places[i] as number;
        if (this.#operations[place] === MATCH) {
          found = true;
          open = now.opens[i] as number;
          close = now.closes[i] as number;
          break; // the threads after it are of ways that this one is preferred to
        }
        if (kind >= 0 && this.#takes[place * classes + kind] === 1)
          this.#follow(next, place + 1, after, now.opens[i] as number, now.closes[i] as number);
      }
      if (point === undefined) break;
      this.#now = next;
      this.#next = now;
      at = after;
    }
    return open < 0 || close < 0 ? null : text.slice(open, close);
  }

  #forgetMarks(): void {
    this.#mark = 0;
    this.#now.seen.fill(0);
    this.#next.seen.fill(0);
  }

  /** Adds the threads that a place leads to without a character, the preferred ones first. */
  #follow(to: Threads, place: number, at: number, open: number, close: number): void {
    if (to.seen[place] === this.#mark) return;
    to.seen[place] = this.#mark;
    switch (this.#operations[place]) {
      case SPLIT:
        this.#follow(to, this.#first[place] as number, at, open, close);
        this.#follow(to, this.#second[place] as number, at, open, close);
        break;
      case JUMP:
        this.#follow(to, this.#first[place] as number, at, open, close);
        break;
      case START:
        if (at === 0) this.#follow(to, place + 1, at, open, close);
        break;
      case END:
        if (at === this.#length) this.#follow(to, place + 1, at, open, close);
        break;
      case OPEN:
        this.#follow(to, place + 1, at, at, close);
        break;
      case CLOSE:
        this.#follow(to, place + 1, at, open, at);
        break;
      default:
        to.places[to.count] = place;
        to.opens[to.count] = open;
        to.closes[to.count++] = close;
    }
  }
}
