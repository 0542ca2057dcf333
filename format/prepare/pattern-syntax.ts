import { show } from "../errors.ts";

// The regular expressions of the step `capture`: those of ECMAScript with the flag u of which a text can be matched in
// time that is linear in its length, whatever it is. So there are no back references and no assertions but ^ and $; the
// one group is not repeated; and nothing that can match the empty text is. What is left means the same in RE2 and
// Python. FORMAT.md, "Patterns", has the grammar.

/** A range of code points, ends included. */
export type CodeRange = readonly [first: number, last: number];

/** An instruction of a pattern's program. The numbers are places in it. */
export type Instruction =
  | { kind: "char"; ranges: readonly CodeRange[] }
  | { kind: "split"; first: number; second: number }
  | { kind: "jump"; to: number }
  | { kind: "start" | "end" | "open" | "close" | "match" };

/** The most instructions. The time of a match is at most this times the text's characters. */
const MAX_INSTRUCTIONS = 256;
const MAX_PATTERN = 256;

type Node =
  | { kind: "empty" }
  | { kind: "start" | "end" }
  | { kind: "char"; ranges: readonly CodeRange[] }
  | { kind: "group"; of: Node }
  | { kind: "sequence"; of: readonly Node[] }
  | { kind: "choice"; of: readonly Node[] }
  | { kind: "repeat"; of: Node; least: number; most: number; lazy: boolean };

const LAST = 0x10ffff;
const DIGITS: CodeRange[] = [[0x30, 0x39]];
const WORD: CodeRange[] = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
/** ECMAScript's white space and line ends. */
const SPACE: CodeRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: CodeRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const CLASSES: Record<string, readonly CodeRange[]> = {
  d: DIGITS,
  w: WORD,
  s: SPACE,
  D: complement(DIGITS),
  W: complement(WORD),
  S: complement(SPACE),
};
const CONTROLS: Record<string, number> = { t: 0x09, n: 0x0a, v: 0x0b, f: 0x0c, r: 0x0d };
const SYNTAX = new Set("^$\\.*+?()[]{}|/");

class PatternError extends Error {}

/** The program of a pattern, or what is wrong with it. */
export function parsePattern(
  pattern: string,
): { program: readonly Instruction[]; problem: null } | { program: null; problem: string } {
  try {
    if (pattern.length > MAX_PATTERN)
      fail(`got a pattern of ${pattern.length} characters, expected at most ${MAX_PATTERN}`);
    const tree = new PatternReader(pattern).read();
    return { program: compile(tree), problem: null };
  } catch (error) {
    if (error instanceof PatternError) return { program: null, problem: error.message };
    throw error;
  }
}

function fail(problem: string): never {
  throw new PatternError(problem);
}

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;
  #groups = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  read(): Node {
    const tree = this.#choice();
    if (this.#at < this.#characters.length) this.#refuse("the end of the pattern, as no group is open");
    if (this.#groups !== 1) fail(`got a pattern with ${this.#groups} groups, expected one: (?: ) groups without one`);
    return tree;
  }

  get #next(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(text: string): boolean {
    const found = this.#characters.slice(this.#at, this.#at + text.length).join("") === text;
    if (found) this.#at += text.length;
    return found;
  }

  #refuse(expected: string): never {
    const got = this.#next === undefined ? "the end of the pattern" : show(this.#characters.slice(this.#at).join(""));
    fail(`got ${got} at character ${this.#at + 1}, expected ${expected}`);
  }

  #choice(): Node {
    const of = [this.#sequence()];
    while (this.#take("|")) of.push(this.#sequence());
    return of.length === 1 ? (of[0] as Node) : { kind: "choice", of };
  }

  #sequence(): Node {
    const of: Node[] = [];
    while (this.#next !== undefined && this.#next !== "|" && this.#next !== ")") of.push(this.#repeated());
    return of.length === 0 ? { kind: "empty" } : { kind: "sequence", of };
  }

  #repeated(): Node {
    const begin = this.#at;
    const of = this.#atom();
    const times = this.#times();
    if (!times) return of;
    const text = show(this.#characters.slice(begin, this.#at).join(""));
    if (hasGroup(of)) fail(`got the group repeated in ${text}, expected it once: repeat what is in it`);
    if (isNullable(of)) fail(`got ${text}, which repeats what can be empty, expected at least a character each time`);
    return { kind: "repeat", of, ...times, lazy: this.#take("?") };
  }

  #times(): { least: number; most: number } | null {
    if (this.#take("*")) return { least: 0, most: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { least: 1, most: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { least: 0, most: 1 };
    if (!this.#take("{")) return null;
    const least = this.#digits();
    let most = least;
    if (this.#take(",")) most = this.#next === "}" ? Number.POSITIVE_INFINITY : this.#digits();
    if (!this.#take("}")) this.#refuse("} that ends the number of repetitions");
    if (most < least) fail(`got the repetition {${least},${most}}, expected the smaller number first`);
    return { least, most };
  }

  #digits(): number {
    let digits = "";
    while (this.#next !== undefined && /^\d$/.test(this.#next) && digits.length < 5)
      digits += this.#characters[this.#at++];
    if (digits === "") this.#refuse("a number of repetitions");
    return Number(digits);
  }

  #atom(): Node {
    if (this.#take("^")) return this.#anchor("start");
    if (this.#take("$")) return this.#anchor("end");
    if (this.#take(".")) return { kind: "char", ranges: complement(LINE_ENDS) };
    if (this.#take("[")) return { kind: "char", ranges: this.#class() };
    if (this.#take("(")) return this.#group();
    if (this.#next === "\\") return { kind: "char", ranges: this.#escape(false) };
    const character = this.#next;
    if (character === undefined || SYNTAX.has(character)) {
      if (character !== "/") this.#refuse("a character, a class or a group, with \\ before what has a meaning");
    }
    this.#at++;
    return { kind: "char", ranges: [pointOf(character as string)] };
  }

  #anchor(kind: "start" | "end"): Node {
    if (["*", "+", "?", "{"].includes(this.#next ?? "")) this.#refuse("no repetition of ^ and $");
    return { kind };
  }

  #group(): Node {
    const captures = !this.#take("?:");
    if (captures && this.#next === "?") this.#refuse("( or (?: as groups, without names, flags and assertions");
    if (captures) this.#groups++;
    const of = this.#choice();
    if (!this.#take(")")) this.#refuse(") that ends the group");
    return captures ? { kind: "group", of } : of;
  }

  #class(): readonly CodeRange[] {
    const negated = this.#take("^");
    const ranges: CodeRange[] = [];
    while (!this.#take("]")) {
      const first = this.#member();
      if (
        this.#next === "-" &&
        this.#characters[this.#at + 1] !== "]" &&
        this.#characters[this.#at + 1] !== undefined
      ) {
        this.#at++;
        const last = this.#member();
        const [from, to] = [single(first), single(last)];
        if (from === null || to === null || from > to) this.#refuse("a range from a character to a later one");
        ranges.push([from, to]);
      } else ranges.push(...first);
    }
    if (ranges.length === 0) this.#refuse("characters in a class");
    return negated ? complement(ranges) : ranges;
  }

  #member(): readonly CodeRange[] {
    const character = this.#next;
    if (character === undefined || character === "[") this.#refuse("] that ends the class, with \\ before a [ in it");
    if (character === "\\") return this.#escape(true);
    this.#at++;
    return [pointOf(character)];
  }

  #escape(inClass: boolean): readonly CodeRange[] {
    this.#at++;
    const character = this.#next;
    if (character === undefined) this.#refuse("a character after \\");
    const named = Object.hasOwn(CLASSES, character) ? CLASSES[character] : undefined;
    const control = Object.hasOwn(CONTROLS, character) ? CONTROLS[character] : undefined;
    if (named || control !== undefined || SYNTAX.has(character) || (inClass && character === "-")) {
      this.#at++;
      return named ?? [control === undefined ? pointOf(character) : [control, control]];
    }
    const rest = this.#characters.slice(this.#at, this.#at + 10).join("");
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/.exec(rest);
    const point = Number.parseInt(code?.[1] ?? code?.[2] ?? code?.[3] ?? "", 16);
    if (!code || point > LAST || (point >= 0xd800 && point <= 0xdfff))
      this.#refuse("d, D, w, W, s, S, t, n, r, f, v, x41, u0041, u{41} or a character of the syntax after \\");
    this.#at += code[0].length;
    return [[point, point]];
  }
}

function pointOf(character: string): CodeRange {
  const point = character.codePointAt(0) ?? 0;
  return [point, point];
}

/** The one code point of a class; null where it has several. */
function single(ranges: readonly CodeRange[]): number | null {
  const [range, ...others] = ranges;
  return range && others.length === 0 && range[0] === range[1] ? range[0] : null;
}

function complement(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const gaps: CodeRange[] = [];
  let from = 0;
  for (const [first, last] of sorted) {
    if (first > from) gaps.push([from, first - 1]);
    from = Math.max(from, last + 1);
  }
  return from <= LAST ? [...gaps, [from, LAST]] : gaps;
}

function hasGroup(node: Node): boolean {
  if (node.kind === "group") return true;
  if (node.kind === "sequence" || node.kind === "choice") return node.of.some(hasGroup);
  return node.kind === "repeat" && hasGroup(node.of);
}

/** Whether a node can match the empty text. */
function isNullable(node: Node): boolean {
  switch (node.kind) {
    case "char":
      return false;
    case "group":
      return isNullable(node.of);
    case "sequence":
      return node.of.every(isNullable);
    case "choice":
      return node.of.some(isNullable);
    case "repeat":
      return node.least === 0 || isNullable(node.of);
    default:
      return true;
  }
}

/** Thompson's construction (1968), with the order of alternatives: the first that matches is taken. */
function compile(tree: Node): readonly Instruction[] {
  const program: Instruction[] = [];
  const add = (instruction: Instruction): number => {
    if (program.length === MAX_INSTRUCTIONS)
      fail(`got a pattern of more than ${MAX_INSTRUCTIONS} instructions, expected fewer repetitions`);
    return program.push(instruction) - 1;
  };
  /** A split whose targets are set once they are known. */
  const split = (): { goes(into: number, past: number, lazy: boolean): void } => {
    const at = add({ kind: "jump", to: 0 });
    return {
      goes(into, past, lazy) {
        program[at] = { kind: "split", first: lazy ? past : into, second: lazy ? into : past };
      },
    };
  };
  const emit = (node: Node): void => {
    switch (node.kind) {
      case "empty":
        return;
      case "group":
        add({ kind: "open" });
        emit(node.of);
        add({ kind: "close" });
        return;
      case "sequence":
        node.of.forEach(emit);
        return;
      case "choice":
        emitChoice(node.of);
        return;
      case "repeat":
        emitRepeat(node);
        return;
      default:
        add(node);
    }
  };
  const emitChoice = (of: readonly Node[]): void => {
    const ends: number[] = [];
    of.forEach((node, i) => {
      const branch = i < of.length - 1 ? split() : null;
      const begin = program.length;
      emit(node);
      if (branch) ends.push(add({ kind: "jump", to: 0 }));
      branch?.goes(begin, program.length, false);
    });
    for (const end of ends) program[end] = { kind: "jump", to: program.length };
  };
  const emitRepeat = ({ of, least, most, lazy }: Extract<Node, { kind: "repeat" }>): void => {
    for (let i = 0; i < least; i++) emit(of);
    if (most === Number.POSITIVE_INFINITY) {
      const again = program.length;
      const branch = split();
      const begin = program.length;
      emit(of);
      add({ kind: "jump", to: again });
      branch.goes(begin, program.length, lazy);
      return;
    }
    const branches = Array.from({ length: most - least }, () => {
      const branch = split();
      const begin = program.length;
      emit(of);
      return { branch, begin };
    });
    for (const { branch, begin } of branches) branch.goes(begin, program.length, lazy);
  };
  emit(tree);
  add({ kind: "match" });
  return program;
}
