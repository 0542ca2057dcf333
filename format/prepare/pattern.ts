import { CodeClasses } from "./code-classes.ts";
import { type Instruction, parsePattern } from "./pattern-syntax.ts";

/**
 * Ways to go on at a place in a text, in the order of their preference. Each is a thread: an instruction that takes a
 * character, or that waits for the text's end, or the match. Threads behind a match are of ways that it is preferred to.
 */
interface State {
  places: readonly number[];
  /** Whether a match may still begin at a later character. */
  searching: boolean;
  /** The number of the thread that has matched; -1 where none has. */
  match: number;
  /** By the class of the next character. */
  next: (Transition | undefined)[];
}

/** How the threads of a state come from those of the state before. */
interface Transition {
  to: State;
  /** For each thread the number of the one that it comes from; -1 where it begins here. */
  sources: Int16Array;
  /** For each thread whether its group begins here (1), ends here (2), or both. */
  groups: Uint8Array;
}

const OPENS = 1;
const CLOSES = 2;

/** Threads of the transitions that a pattern remembers: some hundred kB. Those of a usual pattern have some tens. */
const MAX_REMEMBERED = 2 ** 15;

/**
 * A regular expression that a text is matched with in one pass. The threads are followed side by side, each instruction
 * at most once for a character, so that the time is bounded by the characters times the instructions, whatever the text
 * is (Pike's method; Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). Steps that were taken
 * before are remembered, so that a usual text costs some ten nanoseconds a character (Laurikari, "NFAs with Tagged
 * Transitions, their Conversion to Deterministic Automata and Application to Regular Expressions", 2000).
 */
export class Pattern {
  readonly #program: readonly Instruction[];
  readonly #classes: CodeClasses;
  readonly #states = new Map<string, State>();
  #first: Transition;
  #remembered = 0;
  /** For each thread where its group began and where it ended, before and after a character. */
  #opens: [Int32Array, Int32Array];
  #closes: [Int32Array, Int32Array];

  /** Throws Error where the pattern is none, which whoever parses a spec finds first. */
  constructor(pattern: string) {
    const { program, problem } = parsePattern(pattern);
    if (program === null) throw new Error(problem);
    this.#program = program;
    this.#classes = new CodeClasses(program.flatMap((one) => (one.kind === "char" ? [one.ranges] : [])));
    this.#opens = [new Int32Array(program.length), new Int32Array(program.length)];
    this.#closes = [new Int32Array(program.length), new Int32Array(program.length)];
    this.#first = this.#begin();
  }

  /** What the group of the first match is; null where there is no match, or the group is not part of it. */
  capture(text: string): string | null {
    let [opens, nextOpens] = this.#opens;
    let [closes, nextCloses] = this.#closes;
    let open = -1;
    let close = -1;
    let { to: state, groups } = this.#first;
    for (let i = 0; i < groups.length; i++) {
      opens[i] = (groups[i] as number) & OPENS ? 0 : -1;
      closes[i] = (groups[i] as number) & CLOSES ? 0 : -1;
    }
    for (let at = 0; ; ) {
      if (state.match >= 0) {
        open = opens[state.match] as number;
        close = closes[state.match] as number;
      }
      if (state.places.length === 0 && !state.searching) break;
      const point = text.codePointAt(at);
      if (point === undefined) {
        const last = this.#lastMatch(state, at === 0);
        if (last) {
          open = last.groups & OPENS ? at : (opens[last.thread] as number);
          close = last.groups & CLOSES ? at : (closes[last.thread] as number);
        }
        break;
      }
      at += point > 0xffff ? 2 : 1;
      const kind = this.#classes.of(point);
      const { to, sources, groups } = state.next[kind] ?? this.#step(state, kind);
      for (let i = 0; i < sources.length; i++) {
        const source = sources[i] as number;
        const here = groups[i] as number;
        nextOpens[i] = here & OPENS ? at : source < 0 ? -1 : (opens[source] as number);
        nextCloses[i] = here & CLOSES ? at : source < 0 ? -1 : (closes[source] as number);
      }
      [opens, nextOpens, closes, nextCloses] = [nextOpens, opens, nextCloses, closes];
      state = to;
    }
    return open < 0 || close < 0 ? null : text.slice(open, close);
  }

  #begin(): Transition {
    const threads = new Threads(this.#program);
    threads.follow(0, -1, 0, { start: true });
    const [head, second] = this.#program;
    const anchored = head?.kind === "start" || (head?.kind === "open" && second?.kind === "start");
    return this.#transition(threads, !anchored);
  }

  /** The transition of a state over a class of characters, which is remembered. */
  #step(state: State, kind: number): Transition {
    const threads = new Threads(this.#program);
    state.places.forEach((place, i) => {
      const instruction = this.#program[place];
      if (instruction?.kind === "char" && this.#classes.includes(instruction.ranges, kind))
        threads.follow(place + 1, i, 0, {});
    });
    if (state.searching) threads.follow(0, -1, 0, {});
    const transition = this.#transition(threads, state.searching);
    state.next[kind] = transition;
    return transition;
  }

  #transition({ places, sources, groups, match }: Threads, searching: boolean): Transition {
    this.#remembered += places.length + 1;
    if (this.#remembered > MAX_REMEMBERED) {
      // A state that is forgotten is made again when it is come to.
      this.#remembered = places.length + 1;
      for (const state of this.#states.values()) state.next = [];
      this.#states.clear();
    }
    const goesOn = searching && match < 0;
    const key = `${goesOn ? "+" : "-"}${places.join(",")}`;
    const to = this.#states.get(key) ?? { places, searching: goesOn, match, next: [] };
    this.#states.set(key, to);
    return { to, sources: Int16Array.from(sources), groups: Uint8Array.from(groups) };
  }

  /** The preferred thread that matches where the text ends, and what of its group is there. */
  #lastMatch({ places }: State, start: boolean): { thread: number; groups: number } | null {
    const threads = new Threads(this.#program);
    places.forEach((place, i) => {
      if (this.#program[place]?.kind === "end") threads.follow(place + 1, i, 0, { start, end: true });
      else if (this.#program[place]?.kind === "match") threads.follow(place, i, 0, {});
    });
    const { match, sources, groups } = threads;
    return match < 0 ? null : { thread: sources[match] as number, groups: groups[match] as number };
  }
}

/** The threads of one place in a text, as they are found. */
class Threads {
  readonly places: number[] = [];
  readonly sources: number[] = [];
  readonly groups: number[] = [];
  match = -1;
  readonly #program: readonly Instruction[];
  readonly #seen = new Set<number>();

  constructor(program: readonly Instruction[]) {
    this.#program = program;
  }

  /** Adds the threads that a place leads to without a character. `where`: whether it is the text's start or end. */
  follow(place: number, source: number, groups: number, where: { start?: boolean; end?: boolean }): void {
    if (this.match >= 0 || this.#seen.has(place)) return;
    this.#seen.add(place);
    const instruction = this.#program[place] as Instruction;
    switch (instruction.kind) {
      case "jump":
        this.follow(instruction.to, source, groups, where);
        break;
      case "split":
        this.follow(instruction.first, source, groups, where);
        this.follow(instruction.second, source, groups, where);
        break;
      case "start":
        if (where.start) this.follow(place + 1, source, groups, where);
        break;
      case "open":
        this.follow(place + 1, source, groups | OPENS, where);
        break;
      case "close":
        this.follow(place + 1, source, groups | CLOSES, where);
        break;
      case "end":
        if (where.end) this.follow(place + 1, source, groups, where);
        else this.#add(place, source, groups);
        break;
      default:
        if (instruction.kind === "match") this.match = this.places.length;
        this.#add(place, source, groups);
    }
  }

  #add(place: number, source: number, groups: number): void {
    this.places.push(place);
    this.sources.push(source);
    this.groups.push(groups);
  }
}
