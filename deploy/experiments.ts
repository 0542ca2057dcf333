import type { Arm } from "../format/arm.ts";
import { FormatError, show } from "../format/errors.ts";
import {
  checkPayload,
  EXPERIMENTS_VERSION,
  type Feature,
  OURS,
  type Payload,
  type PayloadJson,
  type Rule,
  readPayload,
} from "../format/experiment.ts";
import {
  checkPayloadHash,
  type ExperimentsPointer,
  experimentsKey,
  payloadKey,
  readExperimentsPointer,
  writeExperimentsPointer,
} from "../format/experiments-pointer.ts";
import { BUCKETS } from "../format/exposure.ts";
import { sha256, toHex } from "../format/hash.ts";
import { UserError } from "../trainer/errors.ts";
import { type KvStore, textOf } from "./kv/kv-store.ts";

/** What an experiment is made of. */
export interface ExperimentPlan {
  name: string;
  /** The list that it is about: the feature's name. */
  list: string;
  arms: readonly Arm[];
  /** A number for each arm, above 0; their shares of units are in proportion to them. Default: equal shares. */
  weights?: readonly number[];
  /** The attribute that units are hashed by. */
  attribute: string;
  /** Who is in it, as GrowthBook's conditions say it. Default: all. */
  condition?: Record<string, unknown>;
}

/** `draft`: nobody is in it yet. `stopped`: nobody is any more. */
export type ExperimentState = "draft" | "running" | "stopped";

/** An experiment of a store. */
export interface ExperimentEntry {
  name: string;
  list: string;
  state: ExperimentState;
  /** From 1 on. */
  number: number;
  /** As the log has it. */
  phase: string;
  /** The share of units that are in it, of those that others leave. */
  coverage: number;
  /** What takes units of the list before it, in the order of the payload. */
  after: readonly string[];
  /** The share of all units that is left to it; null: it depends on who meets the conditions of others. */
  left: number | null;
  /** Experiments that run on what it leaves of the list's units. */
  before: readonly string[];
  arms: readonly Arm[];
  weights: readonly number[];
  attribute: string;
  /** When it was last changed, in milliseconds since the epoch; null: another program has written it. */
  changed: number | null;
}

/** What the payload says of an experiment beside its rule. */
interface Note {
  state: ExperimentState;
  number: number;
  changed: number;
}

interface Stored {
  pointer: ExperimentsPointer | null;
  payload: Payload;
}

/**
 * What nobody sees in a name: controls, marks of byte order and of direction, joiners, other spaces than U+0020, that
 * one at an end, and halves of surrogate pairs.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}|^ | $/u;

/** Throws UserError where a name looks like another one, with which requests and reports would not find it. */
function checkWritten(names: Readonly<Record<string, string>>): void {
  for (const [what, text] of Object.entries(names)) {
    const unseen = UNSEEN.exec(text)?.[0].codePointAt(0);
    if (unseen !== undefined) {
      const code = `U+${unseen.toString(16).toUpperCase().padStart(4, "0")}`;
      throw new UserError(`${what}: got ${show(text)}, with ${code} where nobody sees it, expected a name without it`);
    }
    if (text !== text.normalize())
      throw new UserError(`${what}: got ${show(text)}, expected its characters composed (Unicode's form NFC)`);
  }
}

/**
 * The experiments of a store. Each change writes a payload anew, under its hash, and then the pointer. What moves units
 * from one arm to another is a new phase with a new seed, and nothing else does.
 */
export class ExperimentRegistry {
  readonly #store: KvStore;
  readonly #now: () => number;

  constructor(store: KvStore, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  /** All of them, in the order of the payload. */
  async list(): Promise<ExperimentEntry[]> {
    const { payload } = await this.#read();
    return entriesOf(payload);
  }

  /**
   * Writes an experiment that nobody is in yet. One of the name is replaced where `isNewPhase` says so: with a seed of
   * its own, so that units are shuffled. Throws UserError where it may not be.
   */
  async create(plan: ExperimentPlan, isNewPhase: boolean): Promise<ExperimentEntry> {
    const { name, list, attribute } = plan;
    checkWritten({ name, list, unit: attribute });
    if (name in Object.prototype)
      throw new UserError(`got the name ${name}, which JavaScript keeps for itself, expected another`);
    const kept = plan.arms.find(({ arm }) => arm in Object.prototype || arm === "prototype");
    if (kept) throw new UserError(`got the arm ${kept.arm}, a name that JavaScript keeps for itself, expected another`);
    const stored = await this.#read();
    const before = entriesOf(stored.payload).find((entry) => entry.name === name);
    if (before && !isNewPhase)
      throw new UserError(
        `${name}: got the name of an experiment that is there, expected --new-phase, or another name`,
      );
    if (!before && isNewPhase) throw new UserError(`${name}: got --new-phase, expected it for one that is there`);
    if (before?.state === "running")
      throw new UserError(`${name}: got a new phase of an experiment that runs, expected it to be stopped first`);
    const number = (before?.number ?? 0) + 1;
    const features = withoutRule(stored.payload.json.features, name);
    const feature = features[list] ?? { defaultValue: null };
    const rules = [...(feature.rules ?? []), ruleOf(plan, number)];
    return this.#write(stored, { ...features, [list]: { ...feature, rules } }, name, { state: "draft", number });
  }

  /** Lets a share of units into an experiment that nobody is in yet. Throws UserError where it may not be. */
  async start(name: string, coverage: number): Promise<ExperimentEntry> {
    const { stored, entry } = await this.#find(name);
    if (entry.state === "stopped")
      throw new UserError(
        `${name}: got an experiment that was stopped, expected a new phase of it (create --new-phase): ` +
          "its units have seen their arms",
      );
    if (entry.state === "running") throw new UserError(`${name}: it runs already, expected ramp to let more units in`);
    checkCoverage(entry, coverage);
    return this.#cover(stored, entry, coverage, "running");
  }

  /** Lets more units into an experiment that runs; nobody moves. Throws UserError where it may not be. */
  async ramp(name: string, coverage: number): Promise<ExperimentEntry> {
    const { stored, entry } = await this.#find(name);
    if (entry.state !== "running")
      throw new UserError(`${name}: got an experiment whose state is ${entry.state}, expected one that runs`);
    if (coverage <= entry.coverage)
      throw new UserError(
        `${name}: got a coverage of ${coverage}, expected more than its ${entry.coverage}: ` +
          "fewer would take units out that have seen their arms; stop takes out all",
      );
    checkCoverage(entry, coverage);
    if (bucketCount(entry.weights, coverage) === bucketCount(entry.weights, entry.coverage))
      throw new UserError(
        `${name}: got a coverage of ${coverage}, which lets no bucket of units in beside those of its ` +
          `${entry.coverage}, expected more: there are ${BUCKETS}`,
      );
    return this.#cover(stored, entry, coverage, "running");
  }

  /** Takes all units out of an experiment. `ship`: the arm that the list has from now on, without chance. */
  async stop(name: string, ship: string | null): Promise<ExperimentEntry> {
    const { stored, entry } = await this.#find(name);
    if (entry.state === "stopped" && ship === null) throw new UserError(`${name}: it was stopped already`);
    const arm = ship === null ? null : entry.arms.find((one) => one.arm === ship);
    if (arm === undefined) {
      const names = entry.arms.map((one) => one.arm).join(", ");
      throw new UserError(`--ship: got ${ship}, expected one of ${names}`);
    }
    return this.#cover(stored, entry, 0, "stopped", arm && shippedArm(arm));
  }

  async #find(name: string): Promise<{ stored: Stored; entry: ExperimentEntry }> {
    const stored = await this.#read();
    const entries = entriesOf(stored.payload);
    const entry = entries.find((one) => one.name === name);
    if (entry) return { stored, entry };
    throw new UserError(`got the experiment ${name}, expected ${entries.map((one) => one.name).join(", ") || "none"}`);
  }

  #cover(
    stored: Stored,
    { name, list, number }: ExperimentEntry,
    coverage: number,
    state: ExperimentState,
    shipped: object | null = null,
  ): Promise<ExperimentEntry> {
    const { features } = stored.payload.json;
    const feature = features[list] ?? {};
    const rules = feature.rules?.map((rule) => (keyOf(rule, list) === name ? { ...rule, coverage } : rule)) ?? [];
    const changed = { ...feature, rules, ...(shipped && { defaultValue: shipped }) };
    return this.#write(stored, { ...features, [list]: changed }, name, { state, number });
  }

  async #read(): Promise<Stored> {
    const text = await textOf(this.#store, experimentsKey());
    if (text === null) return { pointer: null, payload: await checkPayload({ features: {} }, experimentsKey()) };
    const pointer = readExperimentsPointer(text);
    if (pointer === null)
      throw new UserError(
        `${experimentsKey()}: got a payload in place of a pointer, as a console writes it; expected to change it there`,
      );
    const key = payloadKey(pointer.payload);
    const bytes = await this.#store.bytes(key);
    if (bytes === null) throw new FormatError(key, "got nothing, expected the payload of the pointer");
    await checkPayloadHash(bytes, pointer);
    return { pointer, payload: await readPayload(bytes, key) };
  }

  async #write(
    { pointer, payload: before }: Stored,
    features: PayloadJson["features"],
    name: string,
    note: Omit<Note, "changed">,
  ): Promise<ExperimentEntry> {
    const now = this.#now();
    const experiments = { ...notesOf(before), [name]: { ...note, changed: now } };
    const json = { ...before.json, [OURS]: { version: EXPERIMENTS_VERSION, experiments }, features };
    const bytes = new TextEncoder().encode(JSON.stringify(json));
    const hash = toHex(await sha256(bytes));
    const payload = await readPayload(bytes, "payload");
    await this.#store.putBytes(payloadKey(hash), bytes);
    // Of two pointers the later one counts, wherever clocks are.
    const since = Math.max(now, (pointer?.since ?? 0) + 1);
    const value = writeExperimentsPointer({ payload: hash, since });
    await this.#store.putTexts([{ key: experimentsKey(), value }]);
    return entriesOf(payload).find((entry) => entry.name === name) as ExperimentEntry;
  }
}

function ruleOf({ name, arms, weights, attribute, condition }: ExperimentPlan, number: number): Rule {
  const given = weights ?? arms.map(() => 1);
  const total = given.reduce((sum, weight) => sum + weight, 0);
  const small = given.find((weight) => isNoBucket(weight / total));
  if (small !== undefined)
    throw new UserError(
      `${name}: weights: got ${small} of ${total} in all, expected at least a ${BUCKETS}th of it: units come to arms ` +
        `in ${BUCKETS} buckets`,
    );
  return {
    key: name,
    // No two phases share one, so that who was in an arm before is in any arm now.
    seed: `${name}:${number}`,
    phase: String(number),
    hashAttribute: attribute,
    hashVersion: 2,
    coverage: 0,
    weights: given.map((weight) => weight / total),
    meta: arms.map(({ arm }) => ({ key: arm, name: arm })),
    variations: [...arms],
    ...(condition && { condition }),
  };
}

/** What a list has of an arm without chance: its model, and its pinned slots. */
function shippedArm({ arm, model, policy: { pinned } }: Arm): object {
  return { arm, model, ...(pinned && { policy: { policy: "greedy", pinned } }) };
}

/** Whether a share of all units is less than one of their buckets, beyond rounding. */
function isNoBucket(share: number): boolean {
  return !(share * BUCKETS > 1 - 1e-9);
}

/** Refuses a coverage with which an arm that has a weight has less than a bucket of units. */
function checkCoverage({ name, arms, weights }: ExperimentEntry, coverage: number): void {
  const least = Math.min(...weights.filter((weight) => weight > 0));
  if (!isNoBucket(coverage * least)) return;
  const arm = arms[weights.indexOf(least)]?.arm;
  throw new UserError(
    `${name}: got a coverage of ${coverage}, expected at least ${1 / BUCKETS / least}, with which the arm ${arm} has ` +
      `one of the ${BUCKETS} buckets of units`,
  );
}

/** How many buckets k of units are in an experiment, as in GrowthBook's getBucketRanges: k/BUCKETS is in a range. */
function bucketCount(weights: readonly number[], coverage: number): number {
  let [start, count] = [0, 0];
  for (const weight of weights) {
    count += bucketFrom(start + coverage * weight) - bucketFrom(start);
    start += weight;
  }
  return count;
}

/** The first bucket whose place is not below a share. */
function bucketFrom(share: number): number {
  const near = Math.round(share * BUCKETS);
  return near / BUCKETS < share ? near + 1 : near;
}

function withoutRule(features: PayloadJson["features"], name: string): PayloadJson["features"] {
  const left = Object.entries(features).map(([list, feature]): [string, Feature] => [
    list,
    { ...feature, rules: feature.rules?.filter((rule) => keyOf(rule, list) !== name) ?? [] },
  ]);
  return Object.fromEntries(left);
}

function keyOf({ key, variations }: Rule, list: string): string | null {
  return variations === undefined ? null : (key ?? list);
}

/** Whether a rule takes the share of its coverage of the units of an attribute, whoever they are. */
function isForAll({ condition, parentConditions, filters, range, ranges, ...rule }: Rule, attribute: string): boolean {
  const isNarrower = [condition, parentConditions, filters, range, ranges].some((one) => one !== undefined);
  return !isNarrower && (rule.hashAttribute ?? "id") === attribute;
}

function notesOf({ json }: Payload): Record<string, Note | undefined> {
  return (json[OURS]?.experiments ?? {}) as Record<string, Note | undefined>;
}

function entriesOf(payload: Payload): ExperimentEntry[] {
  const notes = notesOf(payload);
  return [...payload.lists].flatMap(([list, experiments]) => {
    const rules = payload.json.features[list]?.rules ?? [];
    const own = rules.flatMap((rule, place) => (rule.variations === undefined ? [] : [{ rule, place }]));
    return experiments.map(({ key: name, phase, arms }, i): ExperimentEntry => {
      const { rule = {}, place = 0 } = own[i] ?? {};
      const { coverage = 1, weights, hashAttribute = "id" } = rule;
      const note = notes[name];
      const takers = rules.slice(0, place).filter((other) => other.coverage !== 0);
      const behind = rules.slice(place + 1).filter((other) => other.coverage !== 0);
      return {
        ...{ name, list, phase, coverage, arms, attribute: hashAttribute },
        after: takers.map((other) => keyOf(other, list) ?? "a rule without arms"),
        left: takers.every((other) => isForAll(other, hashAttribute))
          ? takers.reduce((left, { coverage: taken = 1 }) => left * (1 - taken), 1)
          : null,
        before: behind.flatMap((other) => keyOf(other, list) ?? []),
        weights: weights ?? arms.map(() => 1 / arms.length),
        state: note?.state ?? (coverage > 0 ? "running" : "draft"),
        number: note?.number ?? 1,
        changed: note?.changed ?? null,
      };
    });
  });
}
