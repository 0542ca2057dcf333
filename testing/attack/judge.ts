import type { Attempt } from "./kinds.ts";
import type { AttackModel } from "./model.ts";
import type { Answer } from "./send.ts";

/** Bytes of a problem's body: enough for a sentence on each of a hundred errors, and no request's text given back. */
const MAX_PROBLEM_BYTES = 128 * 1024;
/** What the stack of a defect has, and no sentence. */
const STACK = /\bat .*(\.js|\.ts|<anonymous>)\b/;

interface ScoresAnswer {
  scores: number[];
  model: string;
  version: string;
  degraded?: { rows: number; reason: string };
}

/** What is wrong with an answer, in words; null where nothing is. */
export function judge({ expected, records }: Attempt, answer: Answer, model: AttackModel): string | null {
  const problem = judgeStatus(expected, answer);
  if (problem !== null || answer.status !== 200) return problem;
  const json = JSON.parse(answer.body);
  return json.scores === undefined ? judgeOther(answer.body) : judgeScores(json, records, model);
}

/** What is wrong with an answer's status, and with what a status that is not 200 says; null where nothing is. */
export function judgeStatus(expected: Attempt["expected"], { status, headers, body }: Answer): string | null {
  if (status === 503) {
    if (!/^\d+$/.test(headers["retry-after"] ?? "")) return `got 503 without retry-after: ${body.slice(0, 200)}`;
  } else if (!expected.includes(status)) {
    return `got ${status ?? "no answer"}, expected ${expected.join(" or ")}: ${body.slice(0, 200)}`;
  }
  // Behind an answer of the server that never reached the Worker there is no problem's body.
  if (status === null || status === 200 || headers["content-type"] === undefined) return null;
  return judgeProblem(status, headers, body);
}

/** What is wrong with an answer of another route: it must not show what only an admin should see. */
export function judgeOther(body: string): string | null {
  return /evidence|blobBytes|hashKey|tokens/.test(body)
    ? `got what only an admin should see: ${body.slice(0, 200)}`
    : null;
}

function judgeProblem(status: number, headers: Answer["headers"], body: string): string | null {
  if (headers["content-type"] !== "application/problem+json")
    return `got ${status} as ${headers["content-type"]}, expected application/problem+json: ${body.slice(0, 200)}`;
  if (body.length > MAX_PROBLEM_BYTES)
    return `got a problem of ${body.length} bytes, expected at most ${MAX_PROBLEM_BYTES}`;
  if (STACK.test(body)) return `got a stack: ${body}`;
  const stated = JSON.parse(body).status;
  return stated === status ? null : `got ${stated} in the body of a ${status}`;
}

function judgeScores(answer: ScoresAnswer, records: Attempt["records"], model: AttackModel): string | null {
  const { scores, version, degraded } = answer;
  if (version !== model.version) return `got version ${version}, expected ${model.version}`;
  const odd = scores.find((score) => !(score >= 0 && score <= 1));
  if (odd !== undefined) return `got a score of ${odd}`;
  // A row that did not come in time is scored as a value never seen, and the answer says so.
  if (records === undefined || degraded !== undefined) return null;
  if (scores.length !== records.length) return `got ${scores.length} scores, expected ${records.length}`;
  const right = model.score(records);
  const wrong = scores.findIndex((score, i) => !(Math.abs(score - right[i]) <= model.tolerance));
  return wrong < 0 ? null : `records[${wrong}]: got the score ${scores[wrong]}, expected ${right[wrong]}`;
}
