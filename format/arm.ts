import * as v from "valibot";
import { MIN_SHARE } from "./exposure.ts";
import { positiveInteger } from "./field-schemas.ts";
import { ReferenceSchema } from "./model-reference.ts";
import {
  EpsilonGreedySchema,
  GreedySchema,
  MAX_DRAWN_SLOTS,
  PlackettLuceSchema,
  type Policy,
  TeamDraftSchema,
} from "./policy.ts";
import { parseSettings } from "./unknown-key.ts";

// An arm of an experiment: the value that the experiment gives to a list. `arm.schema.json` is generated from these
// schemas, for consoles that check values.

const about = v.description;

/** A policy as an arm has it: without `k`, which is the arm's own. */
const ArmPolicySchema = v.variant("policy", [
  GreedySchema,
  v.omit(PlackettLuceSchema, ["k"]),
  v.omit(EpsilonGreedySchema, ["k"]),
  v.omit(TeamDraftSchema, ["k"]),
]);

const ShadowSchema = v.strictObject({
  model: v.pipe(ReferenceSchema, about("The model that scores beside the arm's own, for the log alone.")),
  share: v.pipe(
    v.number(),
    v.minValue(MIN_SHARE),
    v.maxValue(1),
    about("The share of units for whose lists it does so. A unit's lists all have its logits, or none has."),
  ),
});

export const ArmSchema = v.pipe(
  v.strictObject({
    $schema: v.exactOptional(v.pipe(v.string(), about("Where this JSON Schema is, for editors. It is not read."))),
    arm: v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, "expected 1 to 32 of A-Z a-z 0-9 . _ -"),
      about("The arm's name, in the log and in every answer."),
    ),
    model: v.pipe(
      v.nullable(ReferenceSchema),
      about(
        "The model that scores the list: `name@version`, or `name` for the version that its pointer has at the time, " +
          "by which an analysis is then split. `null` is the origin's order.",
      ),
    ),
    policy: v.pipe(
      v.optional(ArmPolicySchema, { policy: "greedy" }),
      about("How the list is ordered by the model's logits. Default: `greedy`."),
    ),
    k: v.exactOptional(
      v.pipe(
        positiveInteger,
        v.maxValue(MAX_DRAWN_SLOTS),
        about("The first slots, which the policy decides. The rest follows by logit. Default: all."),
      ),
    ),
    shadow: v.exactOptional(v.pipe(ShadowSchema, about("Another model, whose logits are logged beside the arm's."))),
  }),
  v.check(
    ({ model, policy }) => model !== null || policy.policy === "greedy",
    "expected the policy greedy, or none, for the origin's order: without a model there are no logits",
  ),
);

/** An arm, with the policy's default filled in. */
export type Arm = v.InferOutput<typeof ArmSchema>;

/** Checks an arm. Throws FormatError that names the place within `source`, what was got and what was expected. */
export function parseArm(input: unknown, source = "arm"): Arm {
  return parseSettings(ArmSchema, input, source);
}

/** The policy of an arm as orders are drawn by it and the log has it, in a list of which `slots` are shown. */
export function policyOf({ policy, k }: Arm, slots: number): Policy {
  // Slots beyond those that are shown would be drawn for nobody; the ones before come out the same without them.
  return policy.policy === "greedy"
    ? policy
    : { ...policy, k: Math.max(1, Math.min(k ?? slots, slots, MAX_DRAWN_SLOTS)) };
}
