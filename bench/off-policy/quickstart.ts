import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startTask } from "../../trainer/terminal/progress.ts";
import type { PeerEstimate, Rounds } from "./compare.ts";

export const CAMPAIGNS = ["all", "men", "women"] as const;
export const POLICIES = ["random", "bts"] as const;

/** The rounds of a campaign of Open Bandit that a policy logged, and what Open Bandit Pipeline makes of them. */
export interface Quickstart {
  versions: Record<string, string>;
  /** λ of the estimators that clip, switch or shrink. */
  lambda: number;
  rounds: Rounds;
  estimates: PeerEstimate[];
}

const SCRIPT = fileURLToPath(new URL("../peers/off-policy/estimates.py", import.meta.url));
/** Where the commands of bench/peers/README.md install it. */
const OWN_PYTHON = fileURLToPath(new URL("../peers/off-policy/venv/bin/python", import.meta.url));

/** The Python that is asked for, or by default that of bench/peers/off-policy, else the system's. */
export function pythonOf(asked: string | undefined): string {
  return asked ?? (existsSync(OWN_PYTHON) ? OWN_PYTHON : "python3");
}

export function hasOpenBanditPipeline(python: string): boolean {
  const find = "import importlib.util as u, sys; sys.exit(u.find_spec('obp') is None)";
  return spawnSync(python, ["-c", find]).status === 0;
}

/** Steps of the script: the policy, the reward model and nine estimators. */
const STEPS = 11;

/** Throws where the script fails, after what it says itself. */
export async function runQuickstart(
  python: string,
  campaign: (typeof CAMPAIGNS)[number],
  logs: (typeof POLICIES)[number],
): Promise<Quickstart> {
  using task = startTask(`Open Bandit Pipeline, campaign ${campaign}, logs of ${logs}`, STEPS, "step");
  const child = spawn(python, [SCRIPT, campaign, logs], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  let found: Quickstart | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    const reply = JSON.parse(line) as { step: string } | Quickstart;
    if ("step" in reply) task.advance(1, reply.step);
    else found = reply;
  }
  const [code] = await ended;
  if (code !== 0 || found === null) throw new Error(`${SCRIPT}: got exit code ${code}, expected 0 and estimates`);
  task.done("");
  return found;
}
