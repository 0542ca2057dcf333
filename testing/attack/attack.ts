// The attack: many clients at once that send what clients send, what they get wrong, and what costs a Worker most.
import { Agent } from "node:http";
import type { MemoryReport } from "../../worker/memory/memory-budget.ts";
import { integer, pick, seeded } from "../format/random.ts";
import { judge } from "./judge.ts";
import { type Attempt, coldRequest, HOSTILE, type Kind, slowBody, USUAL, WORST } from "./kinds.ts";
import type { AttackModel } from "./model.ts";
import { forgetPeak, peakResidentBytes, residentBytes } from "./resident.ts";
import { type Answer, sendBroken, sendWhole } from "./send.ts";
import type { AttackedServer } from "./server.ts";

export interface AttackPlan {
  seed: number;
  /** How many requests of all kinds are sent, mixed. */
  requests: number;
  /** How many clients send at the same time. */
  clients: number;
  /** How often all clients send the same of the worst bodies at once. */
  floods: number;
  /** How long a slow body takes, in seconds; 0: none is sent. */
  slowSeconds: number;
  /** Reports how many requests were answered, and how many of them wrongly. */
  progress?: (answered: number, wrong: number) => void;
}

export interface KindReport {
  kind: string;
  answers: number;
  /** How often each status came; "none" for no answer. */
  statuses: Map<string, number>;
  wrong: number;
}

export interface AttackReport {
  kinds: KindReport[];
  answers: number;
  /** What was wrong, each with its kind, and at most MOST_WRONG of them. */
  wrong: string[];
  wrongCount: number;
  /** What the Worker logged as errors, a line each. */
  errors: string[];
  /** What the Worker's own budget of memory says at the end. */
  memory: MemoryReport | null;
  /** Bytes that workerd had resident before the attack, and at most during it; null where the system does not tell. */
  resident: { idle: number; peak: number } | null;
}

/** So many wrong answers are kept: more would tell little. */
const MOST_WRONG = 50;
/** Of a hundred requests of the mix so many mean well, and so many are among the worst; the others are hostile. */
const USUAL_SHARE = 60;
const WORST_SHARE = 2;
/** Requests before the attack, after which the Worker's memory is looked at, and again after it. */
const CALM = 50;
/** Requests that fill the cache, each with a page for every key of its budget. */
const FILL_REQUESTS = 12;
const FILL_SEED = 1;
/** How many clients go on sending usual requests during a flood. */
const PROBES = 4;

export async function attack(server: AttackedServer, model: AttackModel, plan: AttackPlan): Promise<AttackReport> {
  const { seed, requests, clients, floods, slowSeconds, progress } = plan;
  const report: AttackReport = {
    kinds: [],
    answers: 0,
    wrong: [],
    wrongCount: 0,
    errors: [],
    memory: null,
    resident: null,
  };
  const agent = new Agent({ keepAlive: true, maxSockets: clients + PROBES });
  const send = async (kind: string, attempt: Attempt): Promise<number | null> => {
    const { request } = attempt;
    const answer =
      "parts" in request ? await sendBroken(server.url, request) : await sendWhole(server.url, agent, request);
    count(report, kind, answer, judge(attempt, answer, model));
    progress?.(report.answers, report.wrongCount);
    return answer.status;
  };
  const sendOf = ({ name, make }: Kind, number: number): Promise<number | null> => {
    const random = seeded(Math.imul(seed, 0x9e3779b1) ^ number);
    return send(name, make(random, model));
  };

  /** Sends requests that mean well while nothing else is sent, so that none has a reason to be put off. */
  const sendCalmly = async (first: number): Promise<void> => {
    for (let number = first; number < first + CALM; number++) {
      const kind = USUAL[number % USUAL.length];
      const status = await sendOf(kind, number);
      if (status !== 200) note(report, `${kind.name}: got ${status ?? "no answer"} without any load, expected 200`);
    }
  };

  try {
    await sendCalmly(0);
    await fillRowCache(server, agent, model);
    const idle = residentBytes(server.pid);
    if (idle !== null) forgetPeak(server.pid);

    await inParallel(clients, requests, (i) => sendOf(kindOf(seeded(seed ^ i)), CALM + i));
    const slow = Array.from({ length: slowSeconds > 0 ? clients : 0 }, () =>
      send("a slow body", slowBody(slowSeconds)),
    );
    let number = CALM + requests;
    for (let flood = 0; flood < floods; flood++) {
      for (const kind of WORST) {
        const first = number;
        number += clients + PROBES * 8;
        const probes = inParallel(PROBES, PROBES * 8, (i) => sendOf(USUAL[i % USUAL.length], first + clients + i));
        await Promise.all([inParallel(clients, clients, (i) => sendOf(kind, first + i)), probes]);
      }
    }
    await Promise.all(slow);
    // The Worker has taken no harm.
    await sendCalmly(number);

    const peak = peakResidentBytes(server.pid);
    if (idle !== null && peak !== null) report.resident = { idle, peak };
    if (idle !== null && peak === null) note(report, "workerd: ended during the attack");
    report.memory = await server.memory();
    const { peak: taken, budget } = report.memory;
    if (taken > budget) note(report, `memory: got ${taken} bytes taken at a time, expected at most ${budget}`);
    report.errors = server.takeErrors();
    return report;
  } finally {
    agent.destroy();
  }
}

/** Reads so many pages that the Worker's cache of rows is full, which is a part of the memory of an idle Worker. */
async function fillRowCache(server: AttackedServer, agent: Agent, model: AttackModel): Promise<void> {
  const random = seeded(FILL_SEED);
  for (let i = 0; i < FILL_REQUESTS; i++) await sendWhole(server.url, agent, coldRequest(random, model));
}

/** Does `count` pieces of work, numbered from 0, `width` at a time. */
async function inParallel(width: number, count: number, work: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

function kindOf(random: () => number): Kind {
  const chance = integer(random, 0, 99);
  if (chance < USUAL_SHARE) return pick(random, USUAL);
  return pick(random, chance < 100 - WORST_SHARE ? HOSTILE : WORST);
}

function count(report: AttackReport, kind: string, { status }: Answer, problem: string | null): void {
  let own = report.kinds.find((one) => one.kind === kind);
  if (!own) {
    own = { kind, answers: 0, statuses: new Map(), wrong: 0 };
    report.kinds.push(own);
  }
  const text = String(status ?? "none");
  report.answers++;
  own.answers++;
  own.statuses.set(text, (own.statuses.get(text) ?? 0) + 1);
  if (problem === null) return;
  own.wrong++;
  note(report, `${kind}: ${problem}`);
}

function note(report: AttackReport, problem: string): void {
  report.wrongCount++;
  if (report.wrong.length < MOST_WRONG) report.wrong.push(problem);
}
