import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, expect, test } from "vitest";
import serving from "../../../docs/serving.md?raw";
import * as answers from "../../../worker/routes/answers.ts";
import { startWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

// Every request of docs/serving.md is sent, and every answer there has the form of the route's.

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, await makeModel(1));
});

/** The document's model is that of `npm start`. Its fields are these of the tests' model. */
const FIELDS: Record<string, string> = { user: "site", country: "device", item: "ad" };

/** A record of the document for the tests' model, which has fewer fields. */
function renamed(record: Record<string, unknown>): Record<string, unknown> {
  const { device: _, ...rest } = record;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [FIELDS[name] ?? name, value]));
}

interface Body {
  records?: Record<string, unknown>[];
  context?: Record<string, unknown>;
  candidates?: Record<string, unknown>[];
}

const REQUESTS = Array.from(
  serving.matchAll(/^ {4}curl -s http:\/\/localhost:8787(\S+) [^']*'[^']*'[^']*-d '([^']+)'/gm),
);

test("there are requests of all routes that score", () => {
  expect(new Set(REQUESTS.map(([, path]) => path))).toEqual(new Set(["/v1/score", "/v1/rank", "/v1/explain"]));
});

test.each(REQUESTS.map(([, path, body]) => [path as string, body as string]))("%s %s", async (path, text) => {
  const { records, context, candidates, ...rest }: Body = JSON.parse(text);
  const response = await startWorker().asAdmin(path, {
    ...(records && { records: records.map(renamed) }),
    ...(context && { context: renamed(context) }),
    ...(candidates && { candidates: candidates.map(renamed) }),
    ...rest,
  });
  expect(await response.clone().text()).not.toContain("problem");
  expect(response.status).toBe(200);
});

/** By their first member. */
const SCHEMAS: Record<string, v.GenericSchema> = {
  scores: answers.ScoreAnswer,
  items: answers.RankAnswer,
  explanations: answers.ExplainAnswer,
  models: answers.ModelsAnswer,
  status: answers.ReadyAnswer,
  type: answers.ProblemAnswer,
};

/** Blocks of lines that are indented as code and begin with an object. */
const ANSWERS = Array.from(serving.matchAll(/^ {4}\{"(?:.+\n)+?(?=\n)/gm), ([block]) => block).map((block) =>
  block.replaceAll("91e3…f2e5", "91".repeat(32)),
);

test.each(ANSWERS)("%s", (block) => {
  const answer = JSON.parse(block);
  const schema = SCHEMAS[Object.keys(answer)[0] ?? ""];
  if (!schema) throw new Error(`got an answer that begins with ${Object.keys(answer)[0]}`);
  v.parse(schema, answer);
  if (answer.explanations) {
    for (const { logit, bias, linear, pairs, deep, calibration } of v.parse(answers.ExplainAnswer, answer)
      .explanations) {
      const terms = [bias, ...Object.values(linear), ...pairs.map(({ value }) => value), deep, calibration];
      expect(terms.reduce((sum, term) => sum + term)).toBeCloseTo(logit, 9);
    }
  }
});

test("there is an answer of each form", () => {
  const first = ANSWERS.map((block) => Object.keys(JSON.parse(block))[0]);
  expect(new Set(first)).toEqual(new Set(Object.keys(SCHEMAS)));
});
