import type { Context } from "hono";
import { clipped, RequestError } from "../../format/errors.ts";
import { withoutTokens } from "../../format/tokens.ts";
import { LOAD_RETRY_MS, OVERLOAD_RETRY_MS, RATE_LIMIT_SECONDS } from "../limits.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import { ACCEPTED_ENCODINGS } from "./content-encoding.ts";
import {
  AccessError,
  BodyError,
  ModelUnavailableError,
  RateLimitError,
  SettingError,
  UnknownModelError,
} from "./errors.ts";
import { jsonPointer } from "./json-pointer.ts";
import { logError } from "./log.ts";

/** Problem details, RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 429 | 500 | 503;
  detail: string;
  /** The place in the request's body, such as `records[3].age`. */
  field?: string;
  /** Of a request's body: all that is wrong with it, at most MAX_ERRORS, by JSON pointers (RFC 6901). */
  errors?: { pointer: string; detail: string }[];
  /** Of a body of which some parts were taken all the same: how many. */
  accepted?: number;
  /** What is behind it, for callers with the scope admin. */
  cause?: string;
}

const TYPE_PREFIX = "urn:deepfm-edge:problem:";

const BODY_PROBLEMS = {
  "not-json": { name: "not-json", title: "The body is not JSON", status: 400 },
  "too-large": { name: "body-too-large", title: "The body is too large", status: 413 },
  incomplete: { name: "body-incomplete", title: "The body is not whole", status: 400 },
  "too-slow": { name: "body-too-slow", title: "The body took too long to arrive", status: 408 },
  encoding: { name: "content-encoding", title: "The body's encoding is not supported", status: 415 },
  "media-type": { name: "media-type", title: "The body's type is not supported", status: 415 },
} as const;

/**
 * The HTTP form of an error, given here and nowhere else. Only what is the client's fault names a place in its body.
 */
export function toProblem(error: unknown): Problem {
  if (error instanceof BodyError) {
    const { name, title, status } = BODY_PROBLEMS[error.reason];
    return problem(name, title, status, error.message);
  }
  if (error instanceof RequestError) {
    const field = error.place.replace(/^body(: )?/, "");
    const detail = field === "" ? `body: ${error.problem}` : `${field}: ${error.problem}`;
    return {
      ...problem("invalid-request", "The request breaks the model's contract", 422, detail),
      ...(field && { field }),
      errors: error.all.map(({ place, problem }) => ({ pointer: jsonPointer(place), detail: problem })),
    };
  }
  if (error instanceof AccessError) {
    return error.status === 401
      ? problem("unauthorized", "The request needs a token", 401, error.message)
      : problem("forbidden", "The token lacks a scope", 403, error.message);
  }
  if (error instanceof RateLimitError) {
    return problem("rate-limited", "A rate limit is reached", 429, error.message);
  }
  if (error instanceof SettingError) {
    return problem("misconfigured", "A setting of the Worker is missing or wrong", 503, error.message);
  }
  if (error instanceof OverloadedError) {
    return error.never
      ? problem("body-too-large", "The body is too large", 413, error.message)
      : problem("overloaded", "The Worker has no memory for the request now", 503, error.message);
  }
  if (error instanceof ModelUnavailableError) {
    return problem("model-unavailable", "The model cannot serve now", 503, error.message);
  }
  if (error instanceof UnknownModelError) {
    return { ...problem("unknown-model", "No such model is published", 404, error.message), field: "model" };
  }
  return problem("internal", "Internal error", 500, "the request failed; its x-request-id is in the log");
}

export function notFound(path: string): Problem {
  return problem(
    "not-found",
    "No such route",
    404,
    `got path ${clipped(path, 200)}, expected one of the documented routes`,
  );
}

export function methodNotAllowed(method: string, allowed: readonly string[]): Problem {
  const detail = `got method ${clipped(method, 200)}, expected ${allowed.join(" or ")}`;
  return problem("method-not-allowed", "The route has no such method", 405, detail);
}

function problem(name: string, title: string, status: Problem["status"], detail: string): Problem {
  return { type: `${TYPE_PREFIX}${name}`, title, status, detail };
}

/** A problem as JSON. What it quotes of a request may be a token that stood in the wrong place. */
export function problemText(problem: Problem): string {
  return withoutTokens(JSON.stringify(problem));
}

/** The seconds after which a client may try again; null: trying again does not help. */
export function retryAfter({ status }: Problem, error?: unknown): number | null {
  if (status === 429) return RATE_LIMIT_SECONDS;
  if (status !== 503) return null;
  return (error instanceof OverloadedError ? OVERLOAD_RETRY_MS : LOAD_RETRY_MS) / 1000;
}

/** The last part of a problem's type, which names it. */
export function problemName({ type }: Problem): string {
  return type.slice(TYPE_PREFIX.length);
}

/** Logs the error behind a problem where the fault is the Worker's. */
export function logFault({ status }: Problem, error: unknown, request: { requestId: string; path: string }): void {
  if (status !== 500) return;
  logError("request_failed", error, { ...request, stack: error instanceof Error ? error.stack : undefined });
}

/** The headers of an answer with a problem, but for those that all answers have. */
export function problemHeaders(problem: Problem, error?: unknown): Record<string, string> {
  const seconds = retryAfter(problem, error);
  return {
    "content-type": "application/problem+json",
    ...(seconds !== null && { "retry-after": String(seconds) }),
    ...(error instanceof AccessError && { "www-authenticate": error.challenge }),
    ...(error instanceof BodyError && error.reason === "encoding" && { "accept-encoding": ACCEPTED_ENCODINGS }),
  };
}

/** Answers with a problem. Logs `error` where the fault is the Worker's. */
export function respond(c: Context, problem: Problem, error?: unknown): Response {
  c.set("problem", problem);
  logFault(problem, error, { requestId: c.get("requestId"), path: c.req.path });
  return c.body(problemText(problem), problem.status, problemHeaders(problem, error));
}
