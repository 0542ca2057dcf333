import { EVENT_VERSION, type ListEvent, writeEvent } from "../../format/event.ts";
import { EXPOSURE_VERSION, type Exposure, writeExposure } from "../../format/exposure.ts";
import { writeFloats } from "../../format/floats.ts";
import type { Policy } from "../../format/policy.ts";
import { drawOrder } from "../../runtime/orders/order.ts";
import { Random } from "../../trainer/data/random.ts";

// Logs of experiments whose truth is known. Each unit has a taste of its own, and reads a list from the top: it goes on
// to the next slot with the probability READ_ON, and clicks on an item that it reads by the item's appeal.

export interface GeneratedArm {
  name: string;
  /** Its share of the units; 1 by default. */
  weight?: number;
  /** null: the origin's order. */
  policy: Policy | null;
  /** How its logits follow the items' true appeal, from −1 to 1; 0 by default, logits that know nothing. */
  skill?: number;
  /** `name@<16 hex>`. A function: by the share of the experiment's time that has gone. */
  model?: string | ((share: number) => string);
  /** The arm whose logits its lines have as a shadow's. */
  shadow?: string;
  /** What clicks are multiplied by, beside what the order does. */
  clickFactor?: number;
  /** The share of its units, and of its lines, that never reach the log. */
  lostUnits?: number;
  lostLines?: number;
  /** The share of its lists that the origin's order is shown for. */
  failures?: number;
}

export interface GeneratedLog {
  seed: number;
  units: number;
  arms: readonly GeneratedArm[];
  /** Whether arms get their exact shares of units, and not those of chance. */
  evenly?: boolean;
  /** Lists of a unit: from one to so many. */
  mostLists?: number;
  candidates?: number;
  /** How probable a click on an item of the mean appeal is, once it is read. */
  clickRate?: number;
  experiment?: string;
  phase?: string;
  /** When it began, in milliseconds since the epoch, and its days. */
  start?: number;
  days?: number;
  /** Lists before the experiment, as of an experiment of its own named `before`, over as many days. */
  before?: boolean;
  /** Whether clicks are followed by revenue. */
  revenue?: boolean;
  keep?: number;
}

/** The probability with which who has read a slot reads the next one. */
const READ_ON = 0.8;
/** Of as many units in a row, each has its own hundredth of the buckets, where arms get their exact shares. */
const STRATA = 100;
/** So that no click becomes certain, and a factor of clicks is the lift, where click rates are below a third. */
const MOST_APPEAL = 1.5;
const DAY_MS = 86_400_000;
export const START = Date.UTC(2026, 0, 5);
const PHASE = "0f1e2d3c";

interface World {
  random: Random;
  settings: GeneratedLog;
  ids: string[];
  /** Of each candidate, the logarithm of how much likelier than the mean it is clicked. */
  appeal: number[];
  /** Of each arm's model: a logit for each candidate, float32. */
  logits: Map<string, Float32Array>;
}

/** The lines of a log, exposures and events, in the order of units. */
export function* generatedLines(settings: GeneratedLog): Generator<string> {
  const world = makeWorld(settings);
  const { random } = world;
  const weights = settings.arms.map(({ weight = 1 }) => weight);
  const ends = weights.map((_, i) => weights.slice(0, i + 1).reduce((sum, weight) => sum + weight, 0));
  const total = ends.at(-1) ?? 0;
  for (let unit = 0; unit < settings.units; unit++) {
    const u = hex(random, 16);
    const stratum = settings.evenly ? ((unit % STRATA) + random.uniform()) / STRATA : random.uniform();
    const bucket = Math.floor(stratum * 10_000);
    const arm = settings.arms.find((_, i) => (bucket / 10_000) * total < (ends[i] ?? 0));
    if (arm === undefined) throw new Error("got no arm");
    const taste = 2 * random.uniform();
    const isLost = random.uniform() < (arm.lostUnits ?? 0);
    const days = settings.days ?? 14;
    const joined = random.uniform();
    const lists = 1 + random.integer(settings.mostLists ?? 4);
    const at = { u, b: bucket, x: settings.experiment ?? "order", phase: settings.phase ?? PHASE };
    if (settings.before && random.uniform() < 0.8) {
      const origin = { name: "all", policy: null };
      for (let list = 0; list < lists; list++) {
        const t = (settings.start ?? START) - Math.ceil(random.uniform() * days * DAY_MS);
        yield* linesOf(world, origin, { ...at, x: "before", t, taste, share: 0 });
      }
    }
    for (let list = 0; list < lists; list++) {
      const share = joined + (1 - joined) * (list === 0 ? 0 : random.uniform());
      const t = (settings.start ?? START) + Math.floor(share * days * DAY_MS);
      const drawn = linesOf(world, arm, { ...at, t, taste, share });
      if (isLost || random.uniform() < (arm.lostLines ?? 0)) for (const _ of drawn);
      else yield* drawn;
    }
  }
}

function makeWorld(settings: GeneratedLog): World {
  const random = new Random(settings.seed);
  const n = settings.candidates ?? 6;
  const appeal = Array.from({ length: n }, () => Math.max(-MOST_APPEAL, Math.min(MOST_APPEAL, random.normal())));
  const logits = new Map(
    settings.arms.map(({ name, skill = 0 }) => {
      const noise = Math.sqrt(1 - skill * skill);
      return [name, Float32Array.from(appeal, (own) => skill * own + noise * random.normal())];
    }),
  );
  return { random, settings, ids: appeal.map((_, i) => `item-${i}`), appeal, logits };
}

interface Visit extends Pick<Exposure, "u" | "b" | "x" | "phase" | "t"> {
  taste: number;
  /** Of the experiment's time that has gone. */
  share: number;
}

function* linesOf(world: World, arm: GeneratedArm, visit: Visit): Generator<string> {
  const { random, ids, settings } = world;
  const { taste, share, ...at } = visit;
  const failed = arm.policy !== null && random.uniform() < (arm.failures ?? 0);
  const exposure: Exposure = {
    v: EXPOSURE_VERSION,
    id: requestId(random),
    ...at,
    arm: arm.name,
    list: random.uniform() < 0.5 ? "home/top" : "search/results",
    policy: arm.policy,
    seed: hex(random, 32),
    cand: ids,
    shown: ids.map((_, i) => i),
    p: "",
    lp: 0,
    served: failed ? "origin" : "arm",
    keep: settings.keep ?? 1,
    ctx: { device: random.uniform() < 0.6 ? "phone" : "desktop", ms: Math.round(20 + 20 * random.uniform()) },
    ...(failed && { why: "budget" }),
  };
  if (arm.policy !== null && !failed) Object.assign(exposure, ordered(world, arm, exposure, share));
  yield writeExposure(exposure);
  yield* clicks(world, exposure, taste * (arm.clickFactor ?? 1)).map(writeEvent);
}

/** What a line says of the order that a policy drew. */
function ordered(world: World, arm: GeneratedArm, { seed }: Exposure, share: number): Partial<Exposure> {
  const { logits } = world;
  const { policy, model = `${arm.name}@0123456789abcdef`, shadow } = arm;
  const own = logits.get(arm.name) ?? new Float32Array(0);
  const rival = policy?.policy === "team-draft" ? logits.get(policy.rival) : undefined;
  if (policy === null) return {};
  const candidates = { ids: world.ids, logits: own, ...(rival && { rivalLogits: rival }) };
  const order = drawOrder(policy, candidates, Buffer.from(seed, "hex"));
  const other = shadow === undefined ? undefined : logits.get(shadow);
  const shadowModel = world.settings.arms.find(({ name }) => name === shadow)?.model ?? `${shadow}@0123456789abcdef`;
  return {
    model: typeof model === "string" ? model : model(share),
    logits: writeFloats(own),
    ...(rival && { rival: writeFloats(rival) }),
    shown: order.shown,
    p: policy.policy === "greedy" ? "" : writeFloats(order.logPropensities),
    lp: order.logPropensity,
    ...(order.draft && { team: teamText(order.draft.teams), coins: order.draft.coins.join("") }),
    ...(other && {
      shadow: { model: typeof shadowModel === "string" ? shadowModel : shadowModel(share), logits: writeFloats(other) },
    }),
  };
}

function teamText(teams: readonly number[]): string {
  return teams.join("");
}

function clicks({ random, ids, appeal, settings }: World, exposure: Exposure, taste: number): ListEvent[] {
  const { clickRate = 0.05, revenue } = settings;
  const events: ListEvent[] = [];
  let reads = true;
  for (const item of exposure.shown) {
    // Drawn for every slot, so that worlds that differ in one arm draw the same numbers elsewhere.
    const [goesOn, clicked, value] = [random.uniform(), random.uniform(), random.uniform()];
    const p = Math.min(1, clickRate * taste * Math.exp((appeal[item] ?? 0) - 0.5));
    if (reads && clicked < p) {
      const t = exposure.t + 1000 + Math.floor(60_000 * value);
      const event = { v: EVENT_VERSION, id: exposure.id, item: ids[item] ?? "", t, received: t + 200 } as const;
      events.push({ ...event, type: "click" });
      // Pareto's tail: few orders are most of the revenue.
      if (revenue && value < 0.3) events.push({ ...event, type: "revenue", value: 10 / (1 - value / 0.3) ** 0.6 });
    }
    reads &&= goesOn < READ_ON;
  }
  return events;
}

function hex(random: Random, digits: number): string {
  let text = "";
  while (text.length < digits) text += random.bits().toString(16).padStart(8, "0");
  return text.slice(0, digits);
}

function requestId(random: Random): string {
  return hex(random, 30);
}
