import * as v from "valibot";
import { FormatError, show } from "./errors.ts";
import { positiveInteger } from "./field-schemas.ts";
import { readFloats } from "./floats.ts";
import { logLine } from "./log-line.ts";
import { parseJson, parseWith } from "./parse.ts";
import { PolicySchema } from "./policy.ts";
import { REQUEST_ID_FORM } from "./request-id.ts";
import { LogTimeSchema } from "./time.ts";

// A line of the exposure log: one list that was shown to one unit of an experiment. The Worker writes it, lab/analysis
// reads it, and `exposure.schema.json` is generated from this schema. A change of it is a new version.

export const EXPOSURE_VERSION = 1;

/** Buckets of units, as GrowthBook counts them with hash version 2. */
export const BUCKETS = 10_000;

/** The least share of units that can be sampled, for the log or for a shadow: 32 bits of a unit's hash say who is. */
export const MIN_SHARE = 2 ** -32;

/** What `flags` may say of a line, by their letters, which stand in the order of the alphabet. */
export const EXPOSURE_FLAGS = {
  /** The client says that it is a robot. */
  bot: "b",
  /** HEAD: nobody saw the list. */
  head: "h",
  /** The page was fetched before anybody asked for it, and may never have been seen. */
  prefetch: "p",
  /** Only items that were shown are in the line, which was too long: it does not replay. */
  shownOnly: "s",
  /** Somebody looked at an arm on purpose. No number counts it. */
  preview: "v",
} as const;

/** Characters of a candidate's id at most. */
const MAX_CANDIDATE_ID = 1024;

/** What is wrong with an id, as what a line expects; null: nothing. Two halves of pairs would be one id in UTF-8. */
export function candidateIdFault(id: string): string | null {
  if (id.length > MAX_CANDIDATE_ID) return `${MAX_CANDIDATE_ID} characters`;
  return id.isWellFormed() ? null : "no half of a surrogate pair";
}

const about = v.description;

const text = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max));
const hex = (digits: number) =>
  v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`), `expected ${digits} lower-case hex digits`));
const floats = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/]*={0,2}$/, "expected float32 numbers, little-endian, in base64"),
);
const modelAt = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9._-]{0,63}@[0-9a-f]{16}$/, "expected name@ and the first 16 hex digits of a version"),
);
const teams = (letters: string) =>
  v.pipe(v.string(), v.regex(new RegExp(`^[${letters}]*$`), `expected a text of the characters ${letters}`));
const index = v.pipe(v.number(), v.integer(), v.minValue(0));

export const ExposureSchema = v.strictObject({
  v: v.pipe(v.literal(EXPOSURE_VERSION), about("The version of this schema.")),
  id: v.pipe(
    v.string(),
    v.regex(REQUEST_ID_FORM, "expected a signed request id"),
    about("The signed id of the request: a line that comes twice has it twice, and events name it."),
  ),
  t: v.pipe(LogTimeSchema, about("When the list's bytes went out, in milliseconds since the epoch.")),
  x: v.pipe(text(128), about("The experiment.")),
  phase: v.pipe(hex(8), about("The first 8 hex digits of a hash of all that assigns units, and of the arms.")),
  arm: v.pipe(text(64), about("The arm that the unit was assigned to, whatever was served.")),
  b: v.pipe(index, v.maxValue(BUCKETS - 1), about("The unit's bucket, 0 to 9999.")),
  u: v.pipe(hex(16), about("The unit: the first 64 bits of an HMAC of its id.")),
  list: v.pipe(text(128), about("Which list of which route.")),
  model: v.exactOptional(
    v.pipe(modelAt, about("The arm's model, with the version that scored. Absent where none scored.")),
  ),
  worker: v.exactOptional(v.pipe(text(64), about("The deployed version of the Worker, by its id."))),
  policy: v.pipe(v.nullable(PolicySchema), about("How the arm orders by logits; null: it leaves the origin's order.")),
  seed: v.pipe(hex(32), about("The 16 bytes that the noise of this request is hashed with.")),
  cand: v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(MAX_CANDIDATE_ID))),
    about("The ids of the n candidates, in the caller's order."),
  ),
  logits: v.exactOptional(v.pipe(floats, about("n logits of the arm's model: float32, little-endian, base64."))),
  rival: v.exactOptional(
    v.pipe(floats, about("For team-draft: n logits of the rival, as the log replays with both models' alone.")),
  ),
  shown: v.pipe(v.array(index), about("The order as indices into cand. It may be shorter: k slots were asked for.")),
  p: v.pipe(
    floats,
    about(
      "ln of the probability of each of the first slots' items, given the slots before: float32, little-endian, " +
        "base64. The slots after them followed without chance. Empty: none was drawn.",
    ),
  ),
  lp: v.pipe(v.number(), v.maxValue(0), about("ln of the probability of the list.")),
  team: v.exactOptional(
    v.pipe(teams("01-"), about("For team-draft, of each of the first slots: 0 own team, 1 the rival's, - pinned.")),
  ),
  coins: v.exactOptional(
    v.pipe(teams("01"), about("For team-draft, of each pair of slots: the team that picks first.")),
  ),
  served: v.pipe(v.picklist(["arm", "origin"]), about("Whose order the visitor got.")),
  why: v.exactOptional(v.pipe(text(64), about("Why it was the origin's although the arm has an order of its own."))),
  deg: v.exactOptional(
    v.pipe(
      v.strictObject({ rows: positiveInteger, reason: text(64) }),
      about("Rows that were not there in time, and why: their values scored as unseen ones."),
    ),
  ),
  keep: v.pipe(
    v.number(),
    v.minValue(MIN_SHARE),
    v.maxValue(1),
    about("The probability with which this unit's lines are kept: all of them or none."),
  ),
  flags: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(/^(?=.)b?h?p?s?v?$/, "expected letters of bhpsv, in this order"),
      about("b: a robot; h: HEAD; p: prefetched; s: only what was shown is in the line; v: a preview."),
    ),
  ),
  ctx: v.exactOptional(
    v.pipe(v.record(v.string(), v.unknown()), about("Fields of the context that the configuration names.")),
  ),
  shadow: v.exactOptional(
    v.pipe(
      v.strictObject({ model: modelAt, logits: floats }),
      about("A model that was not served, with the n logits that it would have given."),
    ),
  ),
});

/** One list that was shown to one unit. */
export type Exposure = v.InferOutput<typeof ExposureSchema>;

/** The line of an exposure, without its line end. */
export function writeExposure(exposure: Exposure): string {
  return logLine(exposure);
}

/** Reads a line. Throws FormatError that names the place within `source`, what was got and what was expected. */
export function parseExposure(line: string, source = "exposure"): Exposure {
  return checkExposure(parseJson(line, source), source);
}

/** Checks what a line holds, as `parseExposure` does. */
export function checkExposure(input: unknown, source = "exposure"): Exposure {
  const version = typeof input === "object" && input !== null ? (input as { v?: unknown }).v : undefined;
  if (version !== undefined && version !== EXPOSURE_VERSION)
    throw new FormatError(`${source}: v`, `got version ${show(version)}, expected ${EXPOSURE_VERSION}`);
  const exposure = parseWith(ExposureSchema, input, source);
  checkOrder(exposure, source);
  checkCounts(exposure, source);
  return exposure;
}

function checkOrder({ cand, shown }: Exposure, source: string): void {
  if (new Set(cand).size !== cand.length)
    throw new FormatError(`${source}: cand`, "got an id twice, expected each once");
  const beyond = shown.findIndex((item) => item >= cand.length);
  if (beyond >= 0)
    throw new FormatError(
      `${source}: shown[${beyond}]`,
      `got ${shown[beyond]}, expected an index of ${cand.length} candidates`,
    );
  if (new Set(shown).size !== shown.length)
    throw new FormatError(`${source}: shown`, "got a candidate twice, expected each at most once");
}

/** What has a number for each candidate, and what has one for each of the first slots. */
function checkCounts({ cand, shown, logits, rival, shadow, p, team }: Exposure, source: string): void {
  const perCandidate = { logits, rival, "shadow.logits": shadow?.logits };
  for (const [name, numbers] of Object.entries(perCandidate)) {
    if (numbers === undefined) continue;
    const { length } = readFloats(numbers, `${source}: ${name}`);
    if (length !== cand.length)
      throw new FormatError(`${source}: ${name}`, `got ${length} numbers, expected ${cand.length}`);
  }
  const logs = readFloats(p, `${source}: p`);
  const wrong = logs.findIndex((log) => !(log <= 0 && log > Number.NEGATIVE_INFINITY));
  if (wrong >= 0)
    throw new FormatError(`${source}: p`, `got ${logs[wrong]} for slot ${wrong}, expected ln of a probability above 0`);
  const perSlot = { p: logs.length, team: team?.length ?? 0 };
  for (const [name, count] of Object.entries(perSlot))
    if (count > shown.length)
      throw new FormatError(`${source}: ${name}`, `got ${count} slots, expected at most ${shown.length}`);
}
