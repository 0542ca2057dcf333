import * as v from "valibot";

// Parts of the result that say what was logged, and whether it can be believed.

export const about = v.description;
export const text = v.string();
export const number = v.number();
export const count = v.pipe(number, v.integer(), v.minValue(0));
export const share = v.pipe(number, v.minValue(0), v.maxValue(1));
/** A number that may not be known, as of too few units. */
export const maybe = v.nullable(number);
export const time = v.pipe(text, v.isoTimestamp());

export const EventLossSchema = v.strictObject({
  events: v.pipe(count, about("Events of the lists that count.")),
  foreign: v.pipe(count, about("Of items that the list did not show: left out.")),
  late: v.pipe(count, about("Later than an event of its type counts: left out.")),
});

export const FunnelSchema = v.strictObject({
  lists: v.pipe(count, about("Lists of this phase, without those that come twice.")),
  flagged: v.pipe(
    v.strictObject({ bot: count, head: count, prefetch: count, preview: count }),
    about("Lists that nobody is known to have looked at by chance: left out. A list may have several flags."),
  ),
  units: v.pipe(count, about("Units of the others.")),
  unitsInTwoArms: v.pipe(count, about("Units that are in more than one arm: left out.")),
  listsInTwoArms: v.pipe(count, about("Their lists.")),
  counted: v.pipe(count, about("Lists that count.")),
  events: EventLossSchema,
});

export const ArmSchema = v.strictObject({
  arm: text,
  weight: v.pipe(share, about("Its share of the units by the experiment.")),
  units: count,
  lists: count,
  policies: v.pipe(
    v.array(text),
    about("The policies of its lines, without k, which is of each list; none is the origin's order."),
  ),
  models: v.pipe(
    v.array(v.strictObject({ model: text, lists: count })),
    about("Versions of models that scored its lists. More than one: the arm names a floating model."),
  ),
  fromOrigin: v.pipe(share, about("Share of its lists that failed open.")),
  reasons: v.pipe(v.record(text, count), about("Why, with the number of lists.")),
});

const RatioTestSchema = v.strictObject({
  chiSquare: number,
  degrees: count,
  p: v.pipe(number, about("Pearson's χ² against the weights. Arms with fewer than 5 expected units count together.")),
});

export const SoundnessSchema = v.strictObject({
  sound: v.pipe(v.boolean(), about("Whether metrics can be believed.")),
  reasons: v.pipe(v.array(text), about("Why not.")),
  ratio: v.pipe(v.nullable(RatioTestSchema), about("The sample ratio of units. Null with one arm.")),
  sequentialP: v.pipe(maybe, about("The least p-value so far of the test that may look at any time.")),
  twoArmsShare: v.pipe(share, about("Share of units in two arms.")),
  bucketsInTwoArms: v.pipe(
    count,
    about("Buckets whose units are in more than one arm: weights were changed within the phase."),
  ),
  movedUnits: v.pipe(
    count,
    about(
      "Units in another arm than in an earlier phase although their bucket is the same: weights without a new seed.",
    ),
  ),
  listsPerUnit: v.pipe(
    v.array(v.strictObject({ arm: text, mean: number, ratio: number, p: maybe })),
    about("Lists per unit, each arm over the control's. Lost lines of units that stay show here."),
  ),
  segments: v.pipe(
    v.array(
      v.strictObject({
        segment: text,
        value: text,
        units: v.pipe(v.record(text, count), about("By arm.")),
        p: v.pipe(maybe, about("χ² of units, adjusted by Benjamini and Hochberg.")),
        listsP: v.pipe(maybe, about("The least p of lists per unit against the control, adjusted likewise.")),
      }),
    ),
    about("Where a mismatch is: days, lists, deployments and the plan's segments, the least p first."),
  ),
});

export const InterleavingSchema = v.strictObject({
  arm: text,
  rival: v.pipe(text, about("The model that takes turns with the arm's own.")),
  own: v.pipe(count, about("Units that prefer the arm's own model.")),
  forRival: v.pipe(count, about("Units that prefer the rival.")),
  ties: count,
  p: v.pipe(number, about("The exact sign test.")),
  credit: v.pipe(maybe, about("The rival's share of the clicks less the own model's.")),
  low: maybe,
  high: maybe,
});

const EstimateSchema = v.strictObject({
  estimator: text,
  value: v.pipe(maybe, about("Clicks per list in the slots that chance decides; null: refused.")),
  error: maybe,
  normal: v.pipe(v.nullable(v.tuple([number, number])), about("Null, too, where no unit differs from another.")),
  bootstrap: v.nullable(v.tuple([number, number])),
  effectiveSize: maybe,
  largestWeight: maybe,
  meanWeight: v.pipe(maybe, about("Near 1 where the log has support, and nothing is clipped.")),
  refused: v.pipe(v.nullable(text), about("Why there is no value.")),
});

export const OffPolicySchema = v.strictObject({
  arm: v.pipe(text, about("Whose traffic it is.")),
  target: v.pipe(text, about("What would have ordered it.")),
  lists: v.pipe(count, about("Lists that it rests on.")),
  slots: v.pipe(count, about("Slots that the policy of the log draws.")),
  slot: v.pipe(v.picklist(["list", "first slot"]), about("What a value is of.")),
  observed: v.pipe(maybe, about("What the log itself earned, by the same measure.")),
  estimates: v.array(EstimateSchema),
  refused: v.pipe(v.nullable(text), about("Why there is no estimate at all.")),
});

export const ReplaySchema = v.strictObject({
  replayed: v.pipe(count, about("Lines whose order was drawn again from seed, ids and logits.")),
  orders: v.pipe(count, about("Of them: another order than logged.")),
  propensities: v.pipe(count, about("Of them: the same order with other probabilities.")),
  skipped: v.pipe(count, about("Sampled lines without logits, with some of the candidates only, or off the schema.")),
  examples: v.pipe(v.array(text), about("Ids of lines that differ, the first in their order.")),
});
