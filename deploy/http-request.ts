import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../trainer/errors.ts";

// Requests to a server that may be slow, busy, or gone. Each has an end, whatever the server does.

export interface HttpRequest {
  url: URL;
  method: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Milliseconds until the last byte of an answer. */
  deadline: number;
  /** Bytes of the longest answer. */
  longest: number;
  /** Seconds before the second attempt; each later wait is twice as long. Default: .5. */
  firstWait?: number;
  /** Ends the request before its time. */
  signal?: AbortSignal;
  /** Told before the request is sent again: why, and in how many seconds. */
  onRetry?: (why: string, seconds: number) => void;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

/** How often a request is sent, the first time included. */
const ATTEMPTS = 5;
/** The longest wait, in seconds, that a server may ask for. */
const LONGEST_WAIT = 60;

/** Statuses that a later attempt may not get: too many requests, and a server or a gateway that is busy or restarts. */
const PASSING = new Set([429, 500, 502, 503, 504]);

/**
 * Sends a request, and sends it again where the connection breaks off or the status will pass, after as long as the
 * server's `retry-after` says. Returns the last answer, whatever its status; redirects are not followed, as they turn a
 * POST into a GET. Throws UserError where there is none: nobody listens, the connection breaks off, the deadline
 * passes, or the answer is too long.
 */
export async function request(one: HttpRequest): Promise<HttpAnswer> {
  for (let attempt = 1; ; attempt++) {
    const result = await send(one).catch((error: unknown) => faultOf(one, error));
    const passing = result instanceof Fault ? result.passing : PASSING.has(result.status);
    const seconds = waitBefore(attempt, result, one.firstWait);
    if (!passing || attempt === ATTEMPTS || seconds > LONGEST_WAIT) {
      if (result instanceof Fault) throw new UserError(`${placeOf(one)}: ${result.message}`);
      return result;
    }
    one.onRetry?.(result instanceof Fault ? result.message : `got ${result.status}`, seconds);
    await sleep(1000 * seconds, undefined, one.signal && { signal: one.signal });
  }
}

/** A request as messages name it. */
export function placeOf({ method, url }: Pick<HttpRequest, "method" | "url">): string {
  return `${method} ${url}`;
}

/** Why there is no answer. */
class Fault {
  readonly message: string;
  /** Whether another attempt may succeed. */
  readonly passing: boolean;

  constructor(message: string, passing: boolean) {
    this.message = message;
    this.passing = passing;
  }
}

async function send({ url, method, headers, body, deadline, longest, signal }: HttpRequest): Promise<HttpAnswer> {
  const end = AbortSignal.timeout(deadline);
  const response = await fetch(url, {
    method,
    redirect: "manual",
    signal: signal ? AbortSignal.any([end, signal]) : end,
    ...(headers && { headers }),
    ...(body !== undefined && { body: typeof body === "string" ? body : new Uint8Array(body) }),
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > longest) throw new Fault(`got an answer of more than ${longest} bytes`, false);
    chunks.push(chunk);
  }
  return { status: response.status, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Errors of a connection that was never made: another attempt will not make it. */
const NOBODY = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ERR_INVALID_URL"]);

function faultOf({ deadline, signal }: HttpRequest, error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (signal?.aborted || !(error instanceof Error)) throw error;
  if (error.name === "TimeoutError") return new Fault(`got no whole answer in ${deadline / 1000} s`, false);
  // fetch hides the system's error; the one of a name with several addresses is a list without a message.
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  if (!(cause instanceof Error)) throw error;
  const { code = "" } = cause as NodeJS.ErrnoException;
  if (NOBODY.has(code)) return new Fault(`${cause.message}; is a server running there?`, false);
  if (/CERT|SSL|TLS|ISSUER/.test(code)) return new Fault(cause.message, false);
  return new Fault(`the connection broke off: ${cause.message}`, true);
}

function waitBefore(attempt: number, result: HttpAnswer | Fault, firstWait = 0.5): number {
  const own = firstWait * 2 ** (attempt - 1);
  const asked = result instanceof Fault ? null : result.headers.get("retry-after");
  if (asked === null || asked.trim() === "") return own;
  const seconds = Number.isNaN(Number(asked)) ? (Date.parse(asked) - Date.now()) / 1000 : Number(asked);
  return Number.isNaN(seconds) ? own : Math.max(seconds, 0);
}

/** Characters of an answer that a message shows. */
const SHOWN = 200;

/** What an answer says, in one line: the `detail` of a problem (RFC 9457), or the beginning of its text. */
export function excerpt({ body }: HttpAnswer): string {
  const text = new TextDecoder().decode(body);
  return (
    detailOf(text) ??
    text
      .slice(0, 8 * SHOWN)
      .replace(/[\s\p{Cc}]+/gu, " ")
      .trim()
      .slice(0, SHOWN)
  );
}

function detailOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === "string" ? detail.slice(0, SHOWN) : null;
  } catch {
    return null;
  }
}
