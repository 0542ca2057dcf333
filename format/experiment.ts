import * as v from "valibot";
import { type Arm, parseArm } from "./arm.ts";
import { ConditionCheck } from "./condition.ts";
import { FormatError, show } from "./errors.ts";
import { sha256, toHex } from "./hash.ts";
import { parseJsonBytes, parseWith } from "./parse.ts";

// The payload of experiments: JSON as GrowthBook's consoles and SDKs have it. A feature of it whose values are arms
// (arm.ts) says how one list is ordered; its other features are for conditions. GrowthBook leaves out what it does not
// understand, and so a misspelled weight is equal weights. Here it is an error.

/** Bytes of a payload at most: some thousand experiments. An isolate holds its text and its values for a moment. */
export const MAX_PAYLOAD_BYTES = 2 ** 20;

/** Arms of an experiment at most. Each is a series of metrics; and with more, none gets a share worth a test. */
const MAX_ARMS = 20;

/** The version of the pointer, and of a payload that the command line writes. */
export const EXPERIMENTS_VERSION = 1;

export const ExperimentsVersionSchema = v.literal(
  EXPERIMENTS_VERSION,
  `expected ${EXPERIMENTS_VERSION}, the version that is known here`,
);

/** The member of a payload that is the command line's own; GrowthBook has none of that name. */
export const OURS = "deepfm-edge";

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const range = v.strictTuple([share, share]);

const FilterSchema = v.looseObject({
  seed: text,
  ranges: v.array(range),
  hashVersion: v.exactOptional(v.unknown()),
  attribute: v.exactOptional(text),
});

/** A rule of a feature. Keys that it does not know are those that GrowthBook adds with time. */
const RuleSchema = v.looseObject({
  key: v.exactOptional(text),
  seed: v.exactOptional(text),
  phase: v.exactOptional(v.string()),
  hashAttribute: v.exactOptional(text),
  fallbackAttribute: v.exactOptional(text),
  hashVersion: v.exactOptional(v.unknown()),
  coverage: v.exactOptional(share),
  range: v.exactOptional(range),
  ranges: v.exactOptional(v.array(range)),
  weights: v.exactOptional(v.array(share)),
  variations: v.exactOptional(v.array(v.unknown())),
  meta: v.exactOptional(v.array(v.looseObject({ key: v.exactOptional(text) }))),
  filters: v.exactOptional(v.array(FilterSchema)),
  condition: v.exactOptional(v.unknown()),
  parentConditions: v.exactOptional(v.array(v.looseObject({ id: text, gate: v.exactOptional(v.boolean()) }))),
  bucketVersion: v.exactOptional(v.number()),
  minBucketVersion: v.exactOptional(v.number()),
  disableStickyBucketing: v.exactOptional(v.boolean()),
});

const FeatureSchema = v.looseObject({ rules: v.exactOptional(v.array(RuleSchema)) });

function isRecord(input: unknown): boolean {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}

const PayloadSchema = v.looseObject({
  [OURS]: v.exactOptional(v.looseObject({ version: ExperimentsVersionSchema })),
  features: v.pipe(
    v.custom<Record<string, unknown>>((input) => isRecord(input), "expected an object of features"),
    v.record(v.string(), FeatureSchema),
  ),
  savedGroups: v.exactOptional(v.record(v.string(), v.unknown())),
});

export type Rule = v.InferOutput<typeof RuleSchema>;
export type Feature = v.InferOutput<typeof FeatureSchema>;
/** The JSON of a payload. */
export type PayloadJson = v.InferOutput<typeof PayloadSchema>;

/** An arm where it stands in a payload. */
export interface PlacedArm {
  arm: Arm;
  /** The experiment that assigns it; null: lists outside all experiments have it, and none of them is logged. */
  experiment: Experiment | null;
}

export interface Experiment {
  /** The key of the rule, or else of its feature. */
  key: string;
  /** 8 hex digits, which change with all that assigns units and with the arms, but not with the coverage. */
  phase: string;
  arms: readonly Arm[];
  /** The feature whose list it is about. */
  list: string;
}

/** A payload that was checked. */
export interface Payload {
  json: PayloadJson;
  /** By the very value of the JSON, which an evaluator gives back. */
  arms: ReadonlyMap<unknown, PlacedArm>;
  /** By list: its experiments, in the order of the rules. */
  lists: ReadonlyMap<string, readonly Experiment[]>;
  /** Lists that ask for a sticky document: an experiment, or one that it asks for first, has a `bucketVersion`. */
  stickyLists: ReadonlySet<string>;
  /** The names of attributes that units are hashed by. */
  hashAttributes: ReadonlySet<string>;
}

/** Reads a payload. Throws FormatError that names the place within `source`, what was got and what was expected. */
export async function readPayload(bytes: Uint8Array, source: string): Promise<Payload> {
  if (bytes.length > MAX_PAYLOAD_BYTES)
    throw new FormatError(source, `got ${bytes.length} bytes, expected at most ${MAX_PAYLOAD_BYTES}`);
  return checkPayload(parseJsonBytes(bytes, source), source);
}

/** Checks the JSON of a payload, as `readPayload` does. */
export async function checkPayload(input: unknown, source: string): Promise<Payload> {
  if (typeof input === "object" && input !== null && "encryptedFeatures" in input)
    throw new FormatError(`${source}: encryptedFeatures`, "got an encrypted payload, expected one in plain JSON");
  const json = parseWith(PayloadSchema, input, source);
  for (const id of Object.keys((input as PayloadJson).features))
    if (!Object.hasOwn(json.features, id))
      throw new FormatError(
        `${source}: features.${id}`,
        "got a name that JavaScript keeps for itself, expected another",
      );
  const arms = new Map<unknown, PlacedArm>();
  const lists = new Map<string, readonly Experiment[]>();
  const stickyLists = new Set<string>();
  const hashAttributes = new Set<string>();
  for (const [id, feature] of Object.entries(json.features)) {
    const place = `${source}: features.${id}`;
    feature.rules?.forEach((rule, i) => {
      checkHash(rule, `${place}.rules[${i}]`);
      for (const attribute of attributesOf(rule)) hashAttributes.add(checkAttribute(attribute, `${place}.rules[${i}]`));
    });
    if (!isList(feature)) continue;
    checkConditions(id, json, source, new ConditionCheck(json.savedGroups ?? {}));
    lists.set(id, await placeArms(id, feature, place, arms));
    if (asksForSticky(id, json)) stickyLists.add(id);
  }
  return { json, arms, lists, stickyLists, hashAttributes };
}

/** Checks the conditions of a feature, and of those that it asks for first, each as often as it is asked for. */
function checkConditions(id: string, json: PayloadJson, source: string, conditions: ConditionCheck, depth = 0): void {
  json.features[id]?.rules?.forEach(({ condition = {}, parentConditions = [] }, i) => {
    const place = `${source}: features.${id}.rules[${i}]`;
    conditions.check(condition, `${place}.condition`, depth);
    for (const [j, parent] of parentConditions.entries()) {
      conditions.check(parent.condition, `${place}.parentConditions[${j}].condition`, depth);
      checkConditions(parent.id, json, source, conditions, depth + 1);
    }
  });
}

/** Whether a feature, or one that it asks for first, has an experiment with a sticky document. */
function asksForSticky(id: string, json: PayloadJson): boolean {
  const { rules = [] } = json.features[id] ?? {};
  return rules.some(
    (rule) => isSticky(rule) || rule.parentConditions?.some((parent) => asksForSticky(parent.id, json)),
  );
}

function isSticky({ bucketVersion, disableStickyBucketing }: Rule): boolean {
  return bucketVersion !== undefined && disableStickyBucketing !== true;
}

/** Adds the arms of a list's feature to `arms`, and returns its experiments. */
async function placeArms(
  list: string,
  { defaultValue, rules = [] }: Feature,
  place: string,
  arms: Map<unknown, PlacedArm>,
): Promise<Experiment[]> {
  placeFixed(defaultValue, `${place}.defaultValue`, arms);
  const experiments: Experiment[] = [];
  for (const [i, rule] of rules.entries()) {
    const where = `${place}.rules[${i}]`;
    if ("force" in rule) placeFixed(rule.force, `${where}.force`, arms);
    else if (hasVariations(rule)) {
      const experiment = await experimentOf(list, rule, where);
      for (const [j, arm] of experiment.arms.entries()) arms.set(rule.variations[j], { arm, experiment });
      experiments.push(experiment);
    } else if (!isGate(rule))
      throw new FormatError(where, "got neither variations nor force nor a gate, expected one of them");
  }
  return experiments;
}

type Variations = Rule & { variations: unknown[] };

function hasVariations(rule: Rule): rule is Variations {
  return rule.variations !== undefined;
}

/** Whether a rule gives no value, and keeps a list out of all that follows where a prerequisite does not hold. */
function isGate({ parentConditions = [] }: Rule): boolean {
  return parentConditions.some(({ gate }) => gate === true);
}

/** Whether a feature says how a list is ordered: a value of it is an arm. */
function isList(feature: Feature): boolean {
  const values = (feature.rules ?? []).flatMap((rule) => [rule.force, ...(rule.variations ?? [])]);
  return [feature.defaultValue, ...values].some((value) => {
    return typeof value === "object" && value !== null && "arm" in value;
  });
}

/** An arm for all that a rule is for, or null, for which lists are as without experiments. */
function placeFixed(value: unknown, place: string, arms: Map<unknown, PlacedArm>): void {
  if (value === null || value === undefined) return;
  const arm = parseArm(value, place);
  if (arm.policy.policy !== "greedy")
    throw new FormatError(
      `${place}: policy`,
      `got ${show(arm.policy.policy)}, expected greedy: what chance orders outside an experiment is not logged`,
    );
  arms.set(value, { arm, experiment: null });
}

/** Refuses what assigns units by another hash than that of version 2, or differently from one context to another. */
function checkHash(rule: Rule, place: string): void {
  if ("namespace" in rule)
    throw new FormatError(
      `${place}.namespace`,
      "got a namespace, expected filters with hashVersion 2: a namespace is hashed by version 1, by which " +
        "experiments whose names differ in one letter share nearly all of their units",
    );
  for (const key of ["contextualBanditRef", "contextualVariations"])
    if (key in rule)
      throw new FormatError(`${place}.${key}`, "got a contextual bandit, expected weights that are the same for all");
  const isHashed = rule.variations !== undefined || rule.coverage !== undefined || rule.range !== undefined;
  if (isHashed) checkVersion(rule.hashVersion, "missing", `${place}.hashVersion`);
  // A filter without a version has 2, as GrowthBook reads it.
  rule.filters?.forEach((filter, i) => {
    checkVersion(filter.hashVersion ?? 2, "", `${place}.filters[${i}].hashVersion`);
  });
}

/** Refuses what GrowthBook finds in every visitor's attributes, as objects inherit it: all would be one unit. */
function checkAttribute(name: string, place: string): string {
  if (!(name in Object.prototype)) return name;
  throw new FormatError(
    place,
    `got the attribute ${show(name)}, a name that JavaScript keeps for itself, expected another`,
  );
}

function checkVersion(version: unknown, missing: string, place: string): void {
  if (version === 2) return;
  const got = version === undefined ? `${missing}, which means 1` : `got ${show(version)}`;
  throw new FormatError(
    place,
    `${got}, expected 2: version 1 assigns experiments whose names differ in one letter almost alike`,
  );
}

function attributesOf({ hashAttribute = "id", fallbackAttribute, filters = [] }: Rule): string[] {
  const ofFilters = filters.map(({ attribute = "id" }) => attribute);
  return [hashAttribute, ...(fallbackAttribute === undefined ? [] : [fallbackAttribute]), ...ofFilters];
}

async function experimentOf(list: string, rule: Variations, place: string): Promise<Experiment> {
  const { variations, weights, ranges, meta } = rule;
  const count = variations.length;
  if (count < 2 || count > MAX_ARMS)
    throw new FormatError(`${place}.variations`, `got ${count} arms, expected 2 to ${MAX_ARMS}`);
  for (const [name, values] of Object.entries({ weights, ranges, meta }))
    if (values && values.length !== count)
      throw new FormatError(`${place}.${name}`, `got ${values.length}, expected ${count}, one for each arm`);
  checkRanges(ranges, `${place}.ranges`);
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? 1;
  if (Math.abs(total - 1) > MAX_WEIGHTS_OFF)
    throw new FormatError(`${place}.weights`, `got ${show(weights)}, which is ${total} together, expected 1`);
  const arms = variations.map((value, i) => parseArm(value, `${place}.variations[${i}]`));
  const names = arms.map(({ arm }) => arm);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new FormatError(`${place}.variations`, `got the arm ${show(twice)} twice, expected each once`);
  if (isSticky(rule) && !meta?.every(({ key }) => key !== undefined))
    throw new FormatError(`${place}.meta`, "got no key for each arm, expected them with a bucketVersion");
  return { key: rule.key ?? list, phase: await phaseOf(list, rule), arms, list };
}

function checkRanges(ranges: readonly [number, number][] = [], place: string): void {
  const ordered = ranges.map(([start, end], i) => ({ start, end, i })).sort((a, b) => a.start - b.start);
  for (const [nth, { start, end, i }] of ordered.entries()) {
    const before = ordered[nth - 1]?.end ?? 0;
    if (start < before || end < start)
      throw new FormatError(`${place}[${i}]`, `got ${start} to ${end}, expected ranges apart from one another`);
  }
}

/** What the weights may be off 1 in all, as GrowthBook has it: thirds are written as 0.3333. */
const MAX_WEIGHTS_OFF = 0.01;

/**
 * The first 8 hex digits of the SHA-256 of all that decides who is assigned to what, and of the arms, as JSON with its
 * keys in order. The coverage is not in it: raising it moves nobody.
 */
async function phaseOf(list: string, rule: Variations): Promise<string> {
  const { coverage: _, name: _name, id: _id, ...assigning } = rule;
  const { key = list, seed = key, hashAttribute = "id", variations } = rule;
  const weights = rule.weights ?? variations.map(() => 1 / variations.length);
  const whole = canonicalJson({ ...assigning, key, seed, hashAttribute, weights });
  return toHex(await sha256(new TextEncoder().encode(whole))).slice(0, 8);
}

/** JSON whose objects have their keys in order, so that equal values have equal texts. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
