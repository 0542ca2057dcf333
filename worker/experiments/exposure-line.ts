import { EXPOSURE_VERSION, type Exposure } from "../../format/exposure.ts";
import { writeFloats } from "../../format/floats.ts";
import { toHex } from "../../format/hash.ts";
import { OWN_TEAM } from "../../runtime/orders/team-draft.ts";
import type { ScoreResult } from "../scoring/score-request.ts";
import { type Arranged, type Drawn, missingOf } from "./arrange.ts";
import type { Visit } from "./visit.ts";

/** What a line says of the time and the place where its list went out. */
export interface LineAbout {
  /** The request's signed id (format/request-id.ts). */
  id: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** The id of the deployed version of the Worker; null: that is not known. */
  worker: string | null;
  /** Set where the list went out as it came, although it was ordered: why. */
  why?: string;
}

const NO_SEED = "0".repeat(32);

/**
 * The line of a list that was shown; null where the list is in no experiment, or its unit's lines are not kept. Members
 * that may be absent are set one by one: for each spread of an object V8 calls its runtime.
 */
export function exposureOf(arranged: Arranged, visit: Visit, about: LineAbout): Exposure | null {
  const { list, assigned, scored, rival, drawn } = arranged;
  const { arm, unit } = assigned;
  if (!unit?.isKept) return null;
  const why = about.why ?? arranged.failure?.why;
  const served = why === undefined ? drawn : null;
  const line: Exposure = {
    v: EXPOSURE_VERSION,
    id: about.id,
    t: about.now,
    x: unit.experiment.key,
    phase: unit.experiment.phase,
    arm: arm.arm,
    b: unit.bucket,
    u: unit.hash,
    list: assigned.list,
    policy: drawn?.policy ?? (arm.model === null ? null : arm.policy),
    seed: drawn ? toHex(drawn.seed) : NO_SEED,
    cand: [...list.ids],
    shown: (served && arranged.shown) ?? Array.from({ length: list.slots }, (_, slot) => slot),
    p: "",
    lp: 0,
    served: why === undefined ? "arm" : "origin",
    keep: visit.values.keep,
  };
  if (scored) {
    line.model = modelAt(scored.result);
    line.logits = writeFloats(scored.result.logits);
  }
  if (drawn && rival) line.rival = writeFloats(rival.result.logits);
  const missing = missingOf(arranged);
  if (missing) line.deg = missing;
  if (served) addPropensities(line, served);
  if (why !== undefined) line.why = why;
  if (about.worker) line.worker = about.worker;
  const { context, flags } = visit;
  if (flags !== "") line.flags = flags;
  if (context) line.ctx = context;
  return line;
}

/** Says how probable the order was that went out; nothing where no chance was in it. */
function addPropensities(line: Exposure, drawn: Drawn): void {
  if (drawn.policy.policy === "greedy") return;
  const { logPropensities, logPropensity, draft } = drawn.order;
  line.p = writeFloats(logPropensities);
  line.lp = logPropensity;
  if (!draft) return;
  line.team = teamsOf(drawn, draft.teams);
  line.coins = draft.coins.join("");
}

/** A letter for each of the first slots; pinned ones are no team's. */
function teamsOf({ policy, order }: Drawn, teams: readonly number[]): string {
  const pinned = new Set(policy.pinned);
  let next = 0;
  return order.logPropensities.map((_, slot) => (pinned.has(slot) ? "-" : (teams[next++] ?? OWN_TEAM))).join("");
}

/** A model as lines name it. */
export function modelAt({ model, version }: ScoreResult): string {
  // Joined, it is no rope of texts, for the reason for which a request's id is none.
  return [model, version.slice(0, 16)].join("@");
}
