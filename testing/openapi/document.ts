// The OpenAPI document of the Worker's routes, made of the schemas with which the Worker checks bodies, and of those
// that its answers are typed by. `npm run golden` writes it to worker/openapi.json.
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { EventsBody } from "../../worker/events/events-body.ts";
import { MAX_RECORDS } from "../../worker/limits.ts";
import * as answers from "../../worker/routes/answers.ts";
import { RankBody, ScoreBody } from "../../worker/routes/bodies.ts";
import { EXAMPLES } from "./examples.ts";

interface Operation {
  id: string;
  summary: string;
  /** What a token needs; null: no token. */
  scope: "score" | "explain" | "admin" | null;
  body?: v.GenericSchema;
  /** What its JSON may also come as, which browsers send without a preflight. */
  asText?: true;
  answer: v.GenericSchema | "text" | "html";
  /** The statuses of problems. */
  problems: readonly number[];
}

/** What can go wrong with every request that scores. */
const SCORING = [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503];
const READING = [401, 403, 500, 503];

const OPERATIONS: Record<string, Record<string, Operation>> = {
  "/v1/score": {
    post: {
      ...{ id: "score", summary: "Scores records, each by itself.", scope: "score" },
      ...{ body: ScoreBody, answer: answers.ScoreAnswer, problems: SCORING },
    },
  },
  "/v1/rank": {
    post: {
      ...{ id: "rank", summary: "Orders candidates, or items of the catalogue, for one context.", scope: "score" },
      ...{ body: RankBody, answer: answers.RankAnswer, problems: SCORING },
    },
  },
  "/v1/explain": {
    post: {
      ...{ id: "explain", summary: "Scores records, and says what each score is the sum of.", scope: "explain" },
      ...{ body: ScoreBody, answer: answers.ExplainAnswer, problems: SCORING },
    },
  },
  "/v1/events": {
    post: {
      ...{ id: "events", summary: "Takes what became of items of lists that were shown.", scope: null },
      ...{
        body: EventsBody,
        asText: true,
        answer: answers.EventsAnswer,
        problems: [400, 408, 413, 415, 422, 429, 500, 503],
      },
    },
  },
  "/v1/models": {
    get: {
      ...{ id: "models", summary: "What serves, and what a record of it holds.", scope: "score" },
      ...{ answer: answers.ModelsAnswer, problems: READING },
    },
  },
  "/": {
    get: {
      ...{ id: "playground", summary: "A page to try the routes, unless it is turned off.", scope: null },
      ...{ answer: "html", problems: [404, 500, 503] },
    },
  },
  "/metrics": {
    get: {
      ...{ id: "metrics", summary: "What the isolate that answers has scored, for Prometheus.", scope: "admin" },
      ...{ answer: "text", problems: READING },
    },
  },
  "/healthz": {
    get: { id: "health", summary: "The Worker runs.", scope: null, answer: answers.HealthAnswer, problems: [] },
  },
  "/readyz": {
    get: {
      ...{ id: "ready", summary: "A model is loaded, or can be.", scope: null },
      ...{ answer: answers.ReadyAnswer, problems: [401, 500, 503] },
    },
  },
};

/** What a body's member is, where its name does not say it. */
const MEMBERS: Record<string, string> = {
  records: "Values by the columns of the model's fields, which /v1/models lists.",
  unseen: "Whether the answer counts values that were never seen.",
  context: "The record's part that is the same for all candidates.",
  candidates: "The parts of records that differ. Either these or items are there.",
  items: "Ids of the model's catalogue. Either these or candidates are there.",
  ids: "Beside candidates: what the answer calls each, no two the same. Without them an id is a position, from 0 on.",
  objective: "ctr, the default: the order is by the score. ecpm: by score × bid.",
  events: "What happened, each with the signed id of the request whose list it is about.",
  experiment: "A list that experiments may order, as their payload calls it. Its candidates need ids.",
  receipt: "Whether the answer has a receipt of the experiment's list, with which events show that it had their item.",
  bids: 'With "ecpm": what a click on each is worth.',
  k: "How many of the first are answered.",
  model: "Which model scores: its name, or its name, @ and a version. Without it the default does.",
  fallback:
    '"default": where the named model cannot score now, the default does, and the answer says so. Of /v1/rank "order", too: where no model can, the order stays the request\'s.',
  sort: "false: the scores alone, in the order of the request.",
};

/** The document, without `servers`. `version`: the package's. */
export function openApiDocument(version: string): object {
  const paths = Object.entries(OPERATIONS).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods).map(([method, one]) => [method, describe(path, one)])),
  ]);
  return {
    openapi: "3.1.1",
    info: {
      title: "deepfm-edge",
      version,
      description: "Click-through rates, scored inside the CDN.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths: Object.fromEntries(paths),
    components: {
      schemas: { Problem: schemaOf(answers.ProblemAnswer) },
      responses: {
        Problem: {
          description: "A problem, RFC 9457.",
          content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "Needed unless AUTH is off." } },
    },
  };
}

function describe(path: string, { id, summary, scope, body, asText, answer, problems }: Operation): object {
  const examples = EXAMPLES.filter((example) => example.path === path);
  const named = (of: "body" | "answer"): object =>
    Object.fromEntries(examples.map((example) => [example.name, { value: example[of] }]));
  const problem = { $ref: "#/components/responses/Problem" };
  return {
    operationId: id,
    summary,
    ...(scope ? { description: `A token needs the scope ${scope}.`, security: [{ token: [] }] } : { security: [] }),
    ...(body && {
      requestBody: {
        required: true,
        content: {
          "application/json": { schema: bodySchemaOf(body), examples: named("body") },
          ...(asText && { "text/plain": { schema: { type: "string", contentMediaType: "application/json" } } }),
        },
      },
    }),
    responses: {
      200: {
        description: "The answer.",
        content:
          typeof answer === "string"
            ? { [answer === "text" ? "text/plain" : "text/html"]: { schema: { type: "string" } } }
            : {
                "application/json": {
                  schema: schemaOf(answer),
                  ...(examples.length > 0 && { examples: named("answer") }),
                },
              },
      },
      ...Object.fromEntries(problems.map((status) => [status, problem])),
    },
  };
}

function bodySchemaOf(body: v.GenericSchema): JsonSchema {
  const schema = schemaOf(body);
  for (const [name, member] of Object.entries(schema.properties ?? {}))
    if (typeof member === "object" && MEMBERS[name]) member.description = MEMBERS[name];
  return schema;
}

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
function schemaOf(schema: v.GenericSchema): JsonSchema {
  const { $schema: _, ...json } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    // The checks of lists, which are those that `overrideSchema` states; JSON has no numbers that are not finite.
    ignoreActions: ["check", "finite"],
    overrideSchema({ valibotSchema }) {
      if (!("element" in valibotSchema)) return undefined;
      const items = schemaOf(valibotSchema.element as v.GenericSchema);
      return { type: "array", maxItems: MAX_RECORDS, items };
    },
  });
  return json;
}
