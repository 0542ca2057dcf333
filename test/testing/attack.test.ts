import { describe, expect, test } from "vitest";
import { attack } from "../../testing/attack/attack.ts";
import { judge } from "../../testing/attack/judge.ts";
import { USUAL } from "../../testing/attack/kinds.ts";
import { attackModel, SMALL } from "../../testing/attack/model.ts";
import { startServer } from "../../testing/attack/server.ts";
import { seeded } from "../../testing/format/random.ts";

const model = await attackModel(SMALL);

describe("a short attack", () => {
  test("gets no wrong answer, and takes no more memory than an isolate has", { timeout: 240_000 }, async () => {
    await using server = await startServer(model);
    const report = await attack(server, model, { seed: 2017, requests: 600, clients: 8, floods: 1, slowSeconds: 2 });
    expect(report.wrong).toEqual([]);
    expect(report.errors).toEqual([]);
    expect(report.answers).toBeGreaterThan(1000);
    // Only Linux tells.
    if (report.resident) expect(report.resident.peak - report.resident.idle).toBeLessThan(128e6);
  });
});

describe("a judge", () => {
  const attempt = USUAL[0].make(seeded(1), model);
  const scores = [...model.score(attempt.records ?? [])];
  const answer = (body: object, status = 200, headers = {}) => ({
    status,
    headers: { "content-type": status === 200 ? "application/json" : "application/problem+json", ...headers },
    body: JSON.stringify(body),
  });
  const right = { scores, model: model.name, version: model.version };

  test("finds nothing wrong with the right scores, or with rows that the answer says are missing", () => {
    expect(judge(attempt, answer(right), model)).toBeNull();
    const degraded = { ...right, scores: scores.map(() => 0.5), degraded: { rows: 1, reason: "deadline" } };
    expect(judge(attempt, answer(degraded), model)).toBeNull();
  });

  test("takes a 503 that says when to come again", () => {
    expect(judge(attempt, answer({ status: 503 }, 503, { "retry-after": "1" }), model)).toBeNull();
  });

  test.each([
    ["another score", answer({ ...right, scores: scores.with(0, scores[0] + 2 * model.tolerance) })],
    ["a score too few", answer({ ...right, scores: scores.slice(1) })],
    ["null for a score", answer({ ...right, scores: scores.map(() => null) })],
    ["another model's version", answer({ ...right, version: "0".repeat(64) })],
    ["another status", answer({ status: 500 }, 500)],
    ["a 503 that does not say when to come again", answer({ status: 503 }, 503)],
    ["no answer", { status: null, headers: {}, body: "" }],
  ])("finds %s", (_, got) => {
    expect(judge(attempt, got, model)).not.toBeNull();
  });

  test.each([
    ["a long problem", answer({ status: 422, detail: "x".repeat(200_000) }, 422)],
    ["a stack", answer({ status: 422, detail: "Error\n    at f (worker.js:1:2)" }, 422)],
    ["a problem of another status", answer({ status: 400 }, 422)],
    ["a problem of another type", answer({ status: 422 }, 422, { "content-type": "text/html" })],
  ])("finds %s", (_, got) => {
    expect(judge({ ...attempt, expected: [422] }, got, model)).not.toBeNull();
    expect(judge({ ...attempt, expected: [422] }, answer({ status: 422 }, 422), model)).toBeNull();
  });
});
