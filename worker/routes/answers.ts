// What the routes answer. The schemas are for types, for the OpenAPI document and for tests: nothing imports them at
// run time in the Worker, which makes these answers itself.
import * as v from "valibot";
import { MAX_ERRORS } from "../limits.ts";
import { RecordSchema } from "./record-schema.ts";

const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What every answer that scores says beside its scores. */
const aboutScores = {
  model: v.pipe(v.string(), v.description("The model's name.")),
  version: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/), v.description("The SHA-256 of the model's blob.")),
  fallback: v.optional(
    v.pipe(
      v.strictObject({ from: v.string(), reason: v.string() }),
      v.description("Where the default model scored it: which one the request named, and why that could not."),
    ),
  ),
  bundled: v.optional(
    v.pipe(v.literal(true), v.description("Where the model that was deployed with the Worker scored it.")),
  ),
  degraded: v.optional(
    v.pipe(
      v.strictObject({ rows: count, reason: v.picklist(["deadline", "unavailable", "limit"]) }),
      v.description("Where rows were missing: how many values were scored as if never seen, and why."),
    ),
  ),
  unseen: v.optional(
    v.pipe(v.record(v.string(), count), v.description("Where asked for: how many values of a field were never seen.")),
  ),
};

export const ScoreAnswer = v.strictObject({
  scores: v.pipe(v.array(probability), v.description("The probabilities, in the order of the request.")),
  ...aboutScores,
});

/** What a ranking says of the experiment that its request's unit is in. */
const aboutExperiment = v.optional(
  v.pipe(
    v.strictObject({
      name: v.string(),
      phase: v.pipe(v.string(), v.description("Changes with whatever moves units or changes arms.")),
      arm: v.string(),
      id: v.pipe(v.string(), v.description("The signed id of the request, which events name.")),
      receipt: v.optional(v.pipe(v.string(), v.description("Where asked for: which items were answered, signed."))),
      served: v.picklist(["arm", "origin"]),
      why: v.optional(v.pipe(v.string(), v.description("Why it is the order of the request."))),
      reason: v.optional(v.string()),
    }),
    v.description("Where the request's unit is in an experiment: which arm it has."),
  ),
);

export const RankedAnswer = v.strictObject({
  items: v.pipe(
    v.array(
      v.strictObject({
        id: v.union([v.string(), v.number()]),
        score: probability,
        value: v.optional(v.pipe(v.number(), v.description('With "ecpm": score × bid.'))),
        rank: v.pipe(v.number(), v.integer(), v.minValue(1)),
      }),
    ),
    v.description("The best first."),
  ),
  ...aboutScores,
  experiment: aboutExperiment,
});

/** The order of the request, where no model could score it and the request allows that. */
const OrderAnswer = v.strictObject({
  items: v.array(
    v.strictObject({
      id: v.union([v.string(), v.number()]),
      rank: v.pipe(v.number(), v.integer(), v.minValue(1)),
    }),
  ),
  fallback: v.pipe(
    v.strictObject({ from: v.string(), to: v.literal("order"), reason: v.string() }),
    v.description("Which model could not score it, and why."),
  ),
});

/** The order of the request, where that is the order of its arm, or where the arm's could not be had. */
const OriginAnswer = v.strictObject({
  items: v.array(
    v.strictObject({
      id: v.union([v.string(), v.number()]),
      rank: v.pipe(v.number(), v.integer(), v.minValue(1)),
    }),
  ),
  experiment: aboutExperiment,
});

/** With `"sort": false` it is that of a ScoreAnswer. */
export const RankAnswer = v.union([RankedAnswer, ScoreAnswer, OrderAnswer, OriginAnswer]);

export const ExplainAnswer = v.strictObject({
  explanations: v.array(
    v.strictObject({
      score: probability,
      logit: v.pipe(v.number(), v.description("The sum of all the other terms; the score is its sigmoid.")),
      bias: v.number(),
      linear: v.pipe(v.record(v.string(), v.number()), v.description("The first-order term of each field.")),
      pairs: v.pipe(
        v.array(v.strictObject({ fields: v.tuple([v.string(), v.string()]), value: v.number() })),
        v.description("The FM term of each pair of fields."),
      ),
      deep: v.pipe(v.number(), v.description("What the network, its products included, or the two towers add.")),
      calibration: v.pipe(v.number(), v.description("What the calibration map adds.")),
    }),
  ),
  ...aboutScores,
});

export const ModelsAnswer = v.object({
  models: v.array(
    v.looseObject({
      model: aboutScores.model,
      version: aboutScores.version,
      fields: v.array(
        v.looseObject({
          name: v.string(),
          type: v.string(),
          side: v.picklist(["context", "item"]),
          from: v.exactOptional(v.string()),
          prepare: v.exactOptional(v.array(v.unknown())),
          cross: v.exactOptional(v.tuple([v.string(), v.string()])),
        }),
      ),
      example: v.pipe(RecordSchema, v.description("A record that the model takes, made up.")),
      items: v.optional(
        v.pipe(
          v.nullable(v.looseObject({ field: v.string() })),
          v.description("The field whose values are the ids that `items` of a ranking takes, if there is a catalogue."),
        ),
      ),
      examples: v.exactOptional(
        v.pipe(v.array(RecordSchema), v.description("For the scope admin: records of the log, of the golden ones.")),
      ),
      default: v.optional(v.pipe(v.boolean(), v.description("Whether it scores requests that name no model."))),
    }),
  ),
});

export const HealthAnswer = v.strictObject({ status: v.literal("ok") });

export const ReadyAnswer = v.looseObject({
  status: v.literal("ready"),
  auth: v.picklist(["tokens", "off"]),
  model: v.optional(v.string()),
  version: v.optional(v.string()),
});

export const EventsAnswer = v.strictObject({
  accepted: v.pipe(count, v.description("Events that were taken: all of the body.")),
});

export const ProblemAnswer = v.strictObject({
  type: v.pipe(v.string(), v.regex(/^urn:deepfm-edge:problem:[a-z-]+$/)),
  title: v.string(),
  status: v.picklist([400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 503]),
  detail: v.string(),
  field: v.optional(v.pipe(v.string(), v.description("The place of the first error in the body."))),
  errors: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          pointer: v.pipe(v.string(), v.description("A JSON pointer, RFC 6901.")),
          detail: v.string(),
        }),
      ),
      v.maxLength(MAX_ERRORS),
      v.description("All that is wrong with the body."),
    ),
  ),
  accepted: v.optional(v.pipe(count, v.description("Of a body of events: how many were taken all the same."))),
  cause: v.optional(v.pipe(v.string(), v.description("What is behind it, for the scope admin."))),
});
