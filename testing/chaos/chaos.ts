// Chaos: clients score while models change, isolates start and the store fails. Every answer is judged.
import { isPatch } from "../../format/patch.ts";
import { blobKey } from "../../format/store.ts";
import { UserError } from "../../trainer/errors.ts";
import { TOKENS } from "../attack/server.ts";
import { Clients } from "./clients.ts";
import { Director } from "./director.ts";
import type { Fleet } from "./fleet.ts";
import { type Account, Isolates } from "./isolates.ts";
import { type Phase, phasesOf, type Times } from "./phases.ts";
import { Publisher } from "./publisher.ts";
import { ChaosReport } from "./report.ts";
import { StormyKv } from "./stormy-kv.ts";
import { Timeline } from "./timeline.ts";
import { CLEAR } from "./weather.ts";

export interface ChaosPlan {
  seed: number;
  /** How many requests are sent in all phases. */
  requests: number;
  /** How many clients send at the same time. */
  clients: number;
  times: Times;
  /** What the name of a phase must have in it. Default: every phase. */
  only?: string;
  /** Called after each answer. */
  progress?: (report: ChaosReport) => void;
}

/** What the Worker may log as an error while its store fails. */
const EXPECTED_EVENTS = ["model_load_failed", "pages_unavailable", "rows_unavailable"];
/** Bytes that the budget counts of a model beside its WebAssembly memory: the digests of its pages, and such. */
const BESIDE_MEMORY = 2 ** 16;
/** How often the account is looked at again: a load may be under way. */
const LOOKS = 80;
const LOOK_MS = 100;

export async function chaos(fleet: Fleet, { seed, requests, clients: width, times, only = "", progress }: ChaosPlan) {
  const report = new ChaosReport();
  const timeline = new Timeline();
  await using kv = await StormyKv.start(seed);
  kv.onWrite = (key, value) => {
    timeline.write(key, value);
    if (key.startsWith(blobKey("")) && isPatch(value)) report.patches++;
  };
  const onLog = (level: string, message: string): void => judgeLog(level, message, report);
  await using isolates = await Isolates.start({ address: kv.address, timeline, onLog });
  const onAnswer = (): void => progress?.(report);
  using clients = new Clients({ fleet, timeline, isolates, report }, { seed, clients: width, onAnswer });
  const publisher = new Publisher(kv);
  const director = new Director({ fleet, timeline, isolates, report, publisher, clients }, seed);
  await director.begin();

  const phases = phasesOf(times).filter(({ name, fills }) => name.includes(only) && (!fills || fleet.large.size > 0));
  if (phases.length === 0) throw new UserError(`--only: got ${only}, expected a part of a phase's name`);
  const shares = phases.reduce((sum, { share }) => sum + share, 0);
  for (const phase of phases) {
    report.begin(phase.name);
    kv.weather = phase.weather;
    const own = Math.round((requests * phase.share) / shares);
    const every = Math.max(1, Math.floor(own / Math.max(1, phase.times)));
    await clients.send(phase, own, async (number) => {
      const happened = Math.floor(number / every);
      if (number % every !== every - 1 || happened >= phase.times) return;
      await director.happen(phase.happenings[happened % phase.happenings.length]);
    });
    await director.settled();
    kv.weather = CLEAR;
    await director.expectHealth();
    await checkAccount(isolates, phase, report);
    if (phase.fills) await director.happen("restart");
  }
  await director.settled();
  report.faults = Object.fromEntries(kv.faults);
  return report;
}

/** What the Worker counts must be what its engine has, and within the budget. */
async function checkAccount(isolates: Isolates, { fills }: Phase, report: ChaosReport): Promise<void> {
  let problem: string | null = null;
  for (let looks = 0; looks < LOOKS; looks++) {
    const account = await isolates.account();
    report.peakBytes = Math.max(report.peakBytes, account.peak);
    problem = judgeAccount(account, fills);
    if (problem === null) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  if (problem === null) report.accounts++;
  else report.fault("memory", problem);
}

function judgeAccount(account: Account, fills: boolean): string | null {
  const { memories, models, taken, takenByModels, peak, budget, refusedLoads } = account;
  if (Math.max(taken, peak) > budget) return `got ${taken} bytes taken, at most ${peak}, expected at most ${budget}`;
  const real = memories.reduce((a, b) => a + b, 0);
  if (takenByModels < real || takenByModels > real + memories.length * BESIDE_MEMORY)
    return `got ${takenByModels} bytes counted for models, expected the ${real} of their ${memories.length} memories`;
  const left = [...memories];
  for (const bytes of models) {
    const at = left.indexOf(bytes);
    if (at < 0) return `got a model of ${bytes} bytes, expected one of the memories ${memories.join(", ")}`;
    left.splice(at, 1);
  }
  if (!fills) return null;
  if (refusedLoads === 0) return "got no load that was refused, expected one";
  return models.length < 3 ? `got ${models.length} models, expected the two and a large one` : null;
}

function judgeLog(level: string, message: string, report: ChaosReport): void {
  if (Object.values(TOKENS).some((token) => message.includes(token))) report.fault("log", "got a token in a line");
  if (level !== "error") return;
  let event: unknown = null;
  try {
    ({ event } = JSON.parse(message));
  } catch {} // no line of the Worker's own
  if (!EXPECTED_EVENTS.includes(String(event))) report.fault("log", `got ${message.slice(0, 1000)}`);
}
