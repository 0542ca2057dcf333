import * as v from "valibot";
import { positiveInteger } from "./field-schemas.ts";
import { ReferenceSchema } from "./model-reference.ts";
import { parseSettings } from "./unknown-key.ts";

// What an arm of an experiment does with the logits of a list: the policy, with its parameters, as the experiment's
// payload and every line of its log have it. runtime/orders/ draws its orders, and says how probable they were.

/** A list has at most so many slots that chance decides. Each costs two numbers of a log line. */
export const MAX_DRAWN_SLOTS = 1000;
/** The least that logits are divided by: there e^(logit/τ) of two logits that differ by 1 is 1e43 to 1. */
export const MIN_TEMPERATURE = 0.01;
/** The most: there logits from −5 to 5 are within 10 % of one another, so that orders are all but uniform. */
export const MAX_TEMPERATURE = 100;

const about = v.description;

const k = v.exactOptional(
  v.pipe(
    positiveInteger,
    v.maxValue(MAX_DRAWN_SLOTS),
    about("The first slots, which are drawn. The rest of the list follows by logit. Default: all."),
  ),
);
const slot = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_DRAWN_SLOTS - 1));
const pinned = v.exactOptional(
  v.pipe(
    v.array(slot),
    v.maxLength(MAX_DRAWN_SLOTS),
    v.check((slots) => new Set(slots).size === slots.length, "expected each slot once"),
    about("Slots, counted from 0, that keep the candidate which the caller has there."),
  ),
);

export const GreedySchema = v.strictObject({ policy: v.literal("greedy"), pinned });
export const PlackettLuceSchema = v.strictObject({
  policy: v.literal("plackett-luce"),
  temperature: v.pipe(
    v.number(),
    v.minValue(MIN_TEMPERATURE),
    v.maxValue(MAX_TEMPERATURE),
    about("τ: a slot's item is drawn with a probability proportional to e^(logit/τ)."),
  ),
  k,
  pinned,
});
export const EpsilonGreedySchema = v.strictObject({
  policy: v.literal("epsilon-greedy"),
  epsilon: v.pipe(
    v.number(),
    v.minValue(0),
    v.maxValue(1),
    about("ε: the probability with which a slot's item is any of those left, rather than the best of them."),
  ),
  k,
  pinned,
});
export const TeamDraftSchema = v.strictObject({
  policy: v.literal("team-draft"),
  rival: v.pipe(ReferenceSchema, about("The model that the arm's own model takes turns with.")),
  k,
  pinned,
});

/** How a list is ordered by its logits: a policy and its parameters. */
export const PolicySchema = v.variant("policy", [
  GreedySchema,
  PlackettLuceSchema,
  EpsilonGreedySchema,
  TeamDraftSchema,
]);

export type Policy = v.InferOutput<typeof PolicySchema>;

/** Checks a policy. Throws FormatError that names the place within `source`, what was got and what was expected. */
export function parsePolicy(input: unknown, source = "policy"): Policy {
  return parseSettings(PolicySchema, input, source);
}
