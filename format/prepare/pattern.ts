import { type CodeRange, type Instruction, parsePattern } from "./pattern-syntax.ts";

/** Threads of a position, in the order of their preference, each with where its group began and ended. */
interface Threads {
  count: number;
  places: Uint16Array;
  opens: Int32Array;
  closes: Int32Array;
  /** For each place the step in which a thread last came to it. */
  seen: Int32Array;
}

/** Marks fit 32 bits: beyond this one they begin again before the next text. */
const MAX_MARK = 2 ** 30;

/**
 * A regular expression that a text is matched with in one pass: all ways to go on are followed side by side, each
 * instruction at most once for a character (Pike's method; Cox, "Regular Expression Matching: the Virtual Machine
 * Approach", 2009). So the time is bounded by the characters times the instructions, whatever the text is.
 */
export class Pattern {
  readonly #program: readonly Instruction[];
  /** Whether a match can begin at the text's first character only. */
  readonly #anchored: boolean;
  #now: Threads;
  #next: Threads;
  /** Tells the threads of this position from those of others. */
  #mark = 0;

  /** Throws Error where the pattern is none, which whoever parses a spec finds first. */
  constructor(pattern: string) {
    const { program, problem } = parsePattern(pattern);
    if (program === null) throw new Error(problem);
    this.#program = program;
    this.#anchored = program[0]?.kind === "start" || (program[0]?.kind === "open" && program[1]?.kind === "start");
    this.#now = threads(program.length);
    this.#next = threads(program.length);
  }

  /** What the group of the first match is; null where there is no match, or the group is not part of it. */
  capture(text: string): string | null {
    if (this.#mark > MAX_MARK) this.#forgetMarks();
    this.#mark++;
    this.#now.count = 0;
    let found: [open: number, close: number] | null = null;
    for (let at = 0; ; ) {
      if (found === null && (at === 0 || !this.#anchored)) this.#follow(this.#now, 0, at, text.length, -1, -1);
      const { count, places, opens, closes } = this.#now;
      if (count === 0 && (found !== null || this.#anchored)) break;
      const point = text.codePointAt(at);
      const after = at + (point !== undefined && point > 0xffff ? 2 : 1);
      this.#mark++;
      this.#next.count = 0;
      for (let i = 0; i < count; i++) {
        const place = places[i] as number;
        const instruction = this.#program[place] as Instruction;
        if (instruction.kind === "match") {
          found = [opens[i] as number, closes[i] as number];
          break; // the threads after it are of ways that this one is preferred to
        }
        if (point !== undefined && instruction.kind === "char" && isIn(instruction.ranges, point))
          this.#follow(this.#next, place + 1, after, text.length, opens[i] as number, closes[i] as number);
      }
      if (point === undefined) break;
      [this.#now, this.#next] = [this.#next, this.#now];
      at = after;
    }
    return found === null || found[0] < 0 || found[1] < 0 ? null : text.slice(...found);
  }

  #forgetMarks(): void {
    this.#mark = 0;
    this.#now.seen.fill(-1);
    this.#next.seen.fill(-1);
  }

  /** Adds the threads that a place leads to without a character, the preferred ones first. */
  #follow(to: Threads, place: number, at: number, length: number, open: number, close: number): void {
    if (to.seen[place] === this.#mark) return;
    to.seen[place] = this.#mark;
    const instruction = this.#program[place] as Instruction;
    switch (instruction.kind) {
      case "jump":
        this.#follow(to, instruction.to, at, length, open, close);
        break;
      case "split":
        this.#follow(to, instruction.first, at, length, open, close);
        this.#follow(to, instruction.second, at, length, open, close);
        break;
      case "start":
        if (at === 0) this.#follow(to, place + 1, at, length, open, close);
        break;
      case "end":
        if (at === length) this.#follow(to, place + 1, at, length, open, close);
        break;
      case "open":
        this.#follow(to, place + 1, at, length, at, close);
        break;
      case "close":
        this.#follow(to, place + 1, at, length, open, at);
        break;
      default:
        to.places[to.count] = place;
        to.opens[to.count] = open;
        to.closes[to.count++] = close;
    }
  }
}

function threads(length: number): Threads {
  return {
    count: 0,
    places: new Uint16Array(length),
    opens: new Int32Array(length),
    closes: new Int32Array(length),
    seen: new Int32Array(length).fill(-1),
  };
}

function isIn(ranges: readonly CodeRange[], point: number): boolean {
  for (const [first, last] of ranges) if (point >= first && point <= last) return true;
  return false;
}
