import type { Answer } from "../attack/send.ts";
import type { Outcome, Verdict } from "./judge.ts";
import type { Asked } from "./kinds.ts";
import type { Fault } from "./weather.ts";

/** A wrong answer, with what is needed to see why. */
export interface WrongAnswer {
  phase: string;
  kind: string;
  problem: string;
  /** Without its headers, of which one is a token. */
  request: string | null;
  answer: { status: number | null; body: string } | null;
}

/** What became of a phase. */
export interface PhaseReport {
  phase: string;
  outcomes: Record<Outcome, number>;
  /** How often another version was seen to serve than before, of what requests name. */
  switches: number;
  /** Isolates that took over. */
  restarts: number;
  wrong: number;
}

/** So many wrong answers are kept: more would tell little. */
const MOST_WRONG = 50;

export class ChaosReport {
  readonly phases: PhaseReport[] = [];
  readonly wrong: WrongAnswer[] = [];
  /** How often the store met with each fault. */
  faults: Partial<Record<Fault, number>> = {};
  /** The most bytes that the Worker's budget counted at a time, of any isolate. */
  peakBytes = 0;
  /** Hot swaps that were waited for, and seen. */
  swaps = 0;
  /** Publications that ended in the midst, and were run again. */
  kills = 0;
  /** Blobs that were stored as patches of others. */
  patches = 0;
  /** How often the Worker's account was compared with the memories that its engine has. */
  accounts = 0;
  answers = 0;
  wrongCount = 0;

  begin(phase: string): void {
    const outcomes = { whole: 0, degraded: 0, fallback: 0, other: 0, refused: 0, unavailable: 0, none: 0 };
    this.phases.push({ phase, outcomes, switches: 0, restarts: 0, wrong: 0 });
  }

  /** The phase under way. */
  get phase(): PhaseReport {
    const phase = this.phases.at(-1);
    if (!phase) throw new Error("no phase has begun");
    return phase;
  }

  answer(kind: string, { request }: Asked, answer: Answer, { outcome, problem }: Verdict): void {
    this.answers++;
    this.phase.outcomes[outcome]++;
    if (problem === null) return;
    const { status, body } = answer;
    this.#add({ phase: this.phase.phase, kind, problem, request: requestText(request), answer: { status, body } });
  }

  /** Something is wrong that is no answer. */
  fault(kind: string, problem: string): void {
    this.#add({ phase: this.phase.phase, kind, problem, request: null, answer: null });
  }

  #add(wrong: WrongAnswer): void {
    this.wrongCount++;
    this.phase.wrong++;
    if (this.wrong.length < MOST_WRONG) this.wrong.push(wrong);
  }
}

function requestText(request: Asked["request"]): string {
  if ("parts" in request) return "several parts of a connection";
  return `${request.method} ${request.path} ${Buffer.from(request.body ?? "").toString()}`;
}
