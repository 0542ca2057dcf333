import { Agent } from "node:http";
import { type Answer, sendBroken, sendWhole } from "../attack/send.ts";
import { integer, pick, seeded } from "../format/random.ts";
import type { Fleet } from "./fleet.ts";
import type { Isolates } from "./isolates.ts";
import { judge, type Verdict } from "./judge.ts";
import type { ChaosKind } from "./kinds.ts";
import type { Phase } from "./phases.ts";
import type { ChaosReport } from "./report.ts";
import type { Timeline } from "./timeline.ts";

/** Of a hundred requests of a phase so many are among its worst. */
const WORST_SHARE = 2;

/** Those who score: each sends its next request when it has the answer to the one before. */
export class Clients implements Disposable {
  readonly #fleet: Fleet;
  readonly #timeline: Timeline;
  readonly #isolates: Isolates;
  readonly #report: ChaosReport;
  readonly #agent: Agent;
  readonly #width: number;
  readonly #seed: number;
  readonly #onAnswer: () => void;
  /** How many requests have been sent in all. */
  #sent = 0;
  /** The version that last answered, by what the request named. */
  readonly #last = new Map<string | null, string>();

  constructor(
    parts: { fleet: Fleet; timeline: Timeline; isolates: Isolates; report: ChaosReport },
    { seed, clients, onAnswer }: { seed: number; clients: number; onAnswer: () => void },
  ) {
    this.#fleet = parts.fleet;
    this.#timeline = parts.timeline;
    this.#isolates = parts.isolates;
    this.#report = parts.report;
    this.#width = clients;
    this.#seed = seed;
    this.#onAnswer = onAnswer;
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients });
  }

  /** Sends so many requests of a phase; `between` is called before each, and is waited for by the client it is of. */
  async send(phase: Phase, requests: number, between: (number: number) => Promise<void>): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < requests) {
        await between(next++);
        const random = seeded(Math.imul(this.#seed, 0x9e3779b1) ^ ++this.#sent);
        const among = phase.worst.length > 0 && integer(random, 0, 99) < WORST_SHARE ? phase.worst : phase.kinds;
        const kind = pick(random, among);
        await this.sendOne(kind, random, mayBeUnknown(phase));
      }
    };
    await Promise.all(Array.from({ length: this.#width }, lane));
  }

  /** Sends a request to the isolate that serves, and judges its answer. */
  async sendOne(
    { name, make }: ChaosKind,
    random: () => number,
    unknown = false,
  ): Promise<{ answer: Answer; verdict: Verdict }> {
    const made = make(random, this.#fleet);
    // Where keys are missing or stale, a name may seem to be none.
    const asked = unknown && made.reference !== null ? { ...made, expected: [...made.expected, 404] } : made;
    const isolate = this.#isolates.current;
    const before = isolate.seen.snapshot();
    isolate.waiting++;
    const { request } = asked;
    const answer = await ("parts" in request
      ? sendBroken(isolate.url, request)
      : sendWhole(isolate.url, this.#agent, request));
    const witness = { fleet: this.#fleet, timeline: this.#timeline, seen: isolate.seen, before };
    const verdict = judge(asked, answer, witness);
    if (--isolate.waiting === 0) isolate.onIdle();
    this.#report.answer(name, asked, answer, verdict);
    if (verdict.version !== null) this.#note(asked.reference, verdict.version);
    this.#onAnswer();
    return { answer, verdict };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #note(reference: string | null, version: string): void {
    const last = this.#last.get(reference);
    if (last !== undefined && last !== version) this.#report.phase.switches++;
    this.#last.set(reference, version);
  }
}

function mayBeUnknown({ weather: { missing = 0, stale = 0, swapped = 0 } }: Phase): boolean {
  return missing + stale + swapped > 0;
}
