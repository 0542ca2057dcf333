import * as v from "valibot";
import { show } from "../../../format/errors.ts";
import { EVENT_TYPES } from "../../../format/event.ts";
import { BUCKETS } from "../../../format/exposure.ts";
import { modelName, positiveInteger, sharedName } from "../../../format/field-schemas.ts";
import { parseSettings } from "../../../format/unknown-key.ts";

// What an experiment is to be judged by, which is best written down before it starts. `plan.schema.json` is generated
// from these schemas.

/** Of a smaller α there is no quantile in float64. */
export const LEAST_ALPHA = 1e-300;
export const MOST_ALPHA = 0.5;

const about = v.description;
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const date = v.pipe(
  v.string(),
  v.check(isTime, "expected a day, such as 2026-01-31, or a time with its zone, such as 2026-01-31T12:00:00Z"),
);
/** Characteristics of a list that units are divided by, or that are watched: some members of its line, and of `ctx`. */
const FIELD = /^(list|worker|ctx\..{1,128})$/;

const TIME = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/**
 * Whether a text says when, wherever it is read: `Date.parse` takes a time without a zone for one of the machine's, a
 * 30th of February for the 2nd of March, and "5" for the 1st of May 2001.
 */
function isTime(text: string): boolean {
  const [, day] = TIME.exec(text) ?? [];
  if (day === undefined || Number.isNaN(Date.parse(text))) return false;
  return new Date(Date.parse(day)).toISOString().startsWith(day);
}

/** Whether each arm with a weight has a bucket of units, beyond rounding. */
function haveBuckets(weights: Readonly<Record<string, number>>): boolean {
  const known = Object.values(weights).filter((weight) => weight > 0);
  const total = known.reduce((sum, weight) => sum + weight, 0);
  return known.every((weight) => (weight / total) * BUCKETS > 1 - 1e-9);
}

export const MetricSchema = v.strictObject({
  name: v.pipe(modelName, about("What the metric is called.")),
  event: v.pipe(v.picklist(EVENT_TYPES), about("The events that it is made of.")),
  of: v.pipe(
    v.picklist(["count", "value", "ndcg"]),
    about(
      "count: events per list. value: the sum of their values per list. ndcg: of a list, by the slots of its events.",
    ),
  ),
});

/** A number per list, as a ratio metric by unit. */
export type Metric = v.InferOutput<typeof MetricSchema>;

const GuardRailSchema = v.strictObject({
  name: v.pipe(modelName, about("What the guard-rail is called.")),
  field: v.pipe(
    v.string(),
    v.regex(/^(failOpen|degraded|ctx\..{1,128})$/, "expected failOpen, degraded or ctx. and a field's name"),
    about(
      "failOpen, degraded: the share of such lists. ctx. and a name: the mean of a number there, such as a latency.",
    ),
  ),
  worse: v.pipe(v.optional(v.picklist(["more", "less"]), "more"), about("Which direction is a harm.")),
  margin: v.pipe(
    v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0),
    about("How much worse is put up with, in the field's own unit."),
  ),
});

export type GuardRail = v.InferOutput<typeof GuardRailSchema>;

export const PlanSchema = v.pipe(
  v.strictObject({
    $schema: v.pipe(v.optional(v.string()), about("For editors: where the JSON Schema is.")),
    experiment: v.pipe(v.exactOptional(text), about("The experiment; needed where the log has several.")),
    control: v.pipe(
      v.exactOptional(text),
      about('The arm that others are compared with. Default: "origin" or "control", or else the first by name.'),
    ),
    weights: v.pipe(
      v.exactOptional(
        v.pipe(
          v.record(text, v.pipe(v.number(), v.finite(), v.minValue(0))),
          v.check((weights) => Object.values(weights).some((weight) => weight > 0), "expected a weight above 0"),
          v.check(
            haveBuckets,
            `expected of each weight above 0 at least a ${BUCKETS}th of all: units are in as many buckets`,
          ),
        ),
      ),
      about("How the experiment divides units between its arms. Default: equally between those in the log."),
    ),
    alpha: v.pipe(
      v.optional(v.pipe(v.number(), v.minValue(LEAST_ALPHA), v.maxValue(MOST_ALPHA)), 0.05),
      about("The probability of finding an effect where there is none; intervals hold it with 1 − α."),
    ),
    plannedUnits: v.pipe(
      v.exactOptional(positiveInteger),
      about("Units of all arms at which the experiment ends. Without it there is no fixed test."),
    ),
    metrics: v.pipe(
      v.exactOptional(v.pipe(v.array(MetricSchema), v.minLength(1))),
      about("What is compared. Default: clicks, NDCG of clicks, conversions and revenue, as far as the log has them."),
    ),
    primary: v.pipe(v.exactOptional(text), about("The metric that decides. Default: the first.")),
    guardRails: v.pipe(
      v.optional(v.array(GuardRailSchema), [
        { name: "fail-open", field: "failOpen", margin: 0.01 },
        { name: "degraded", field: "degraded", margin: 0.01 },
      ]),
      about(
        "What must not get worse, tested on one side. Default: the shares of lists that failed open or lacked rows.",
      ),
    ),
    segments: v.pipe(
      v.optional(v.array(v.pipe(v.string(), v.regex(FIELD, "expected list, worker or ctx. and a name"))), ["list"]),
      about("By what units are divided: list, worker, or ctx. and the name of a field."),
    ),
    prePeriod: v.pipe(
      v.exactOptional(v.strictObject({ from: date, to: date })),
      about("The time before the experiment whose lists of the same units are CUPED's covariate."),
    ),
  }),
  v.check(
    ({ metrics, primary }) => !metrics || primary === undefined || metrics.some(({ name }) => name === primary),
    ({ input }) => `got the primary metric ${show(input.primary)}, expected one of metrics`,
  ),
  v.check(
    ({ metrics = [] }) => sharedName(metrics) === undefined,
    ({ input }) => `got two metrics ${show(sharedName(input.metrics ?? []))}, expected names that differ`,
  ),
  v.check(
    ({ prePeriod }) => !prePeriod || Date.parse(prePeriod.from) < Date.parse(prePeriod.to),
    "got a prePeriod that ends before it begins",
  ),
);

export type AnalysisPlan = v.InferOutput<typeof PlanSchema>;

/** Checks a plan. Throws FormatError that names the place within `source`, what was got and what was expected. */
export function parsePlan(input: unknown, source = "plan"): AnalysisPlan {
  return parseSettings(PlanSchema, input, source);
}

/** Fields of `ctx` that a plan needs. */
export function contextFieldsOf({ segments, guardRails }: AnalysisPlan): string[] {
  const fields = [...segments, ...guardRails.map(({ field }) => field)];
  return [...new Set(fields.filter((field) => field.startsWith("ctx.")).map((field) => field.slice(4)))];
}
