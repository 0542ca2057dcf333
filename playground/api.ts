import type { InferInput, InferOutput } from "valibot";
import type * as answers from "../worker/routes/answers.ts";
import type { RankBody, ScoreBody } from "../worker/routes/bodies.ts";

export type ScoreRequest = InferInput<typeof ScoreBody>;
export type RankRequest = InferInput<typeof RankBody>;
export type Model = InferOutput<typeof answers.ModelsAnswer>["models"][number];
export type ScoreAnswer = InferOutput<typeof answers.ScoreAnswer>;
export type RankedAnswer = InferOutput<typeof answers.RankedAnswer>;
export type ExplainAnswer = InferOutput<typeof answers.ExplainAnswer>;
export type Problem = InferOutput<typeof answers.ProblemAnswer>;

/** What a scoring answer says beside its scores. */
export type AboutAnswer = Omit<ScoreAnswer, "scores">;

/** An answer of the Worker, or the problem that it is. */
export interface Reply<Answer> {
  answer: Answer | null;
  problem: Problem | null;
  /** As it came, for reading. */
  json: unknown;
  /** Milliseconds from sending it until the whole answer was there. */
  ms: number;
  /** The header `server-timing`; "" where there is none. */
  timing: string;
  /** Seconds after which to try again, as the Worker says. */
  retryAfter: string | null;
}

/** Where the Worker is: the page's own address, whether it is mounted below a path or not, ends in no slash here. */
export function workerUrl({ origin, pathname }: Pick<Location, "origin" | "pathname">): string {
  return origin + pathname.replace(/\/+$/, "");
}

/** The routes. The token is kept here alone: in no address, no storage and no text of the page. */
export class Api {
  readonly url: string;
  token = "";

  constructor(url: string) {
    this.url = url;
  }

  models(): Promise<Reply<{ models: Model[] }>> {
    return this.#send("/v1/models");
  }

  post<Answer>(path: string, body: ScoreRequest | RankRequest): Promise<Reply<Answer>> {
    return this.#send(path, body);
  }

  /** Rejects with TypeError where no answer comes at all. */
  async #send<Answer>(path: string, body?: object): Promise<Reply<Answer>> {
    const began = performance.now();
    const response = await fetch(this.url + path, {
      method: body ? "POST" : "GET",
      headers: {
        ...(body && { "content-type": "application/json" }),
        ...(this.token && { authorization: `Bearer ${this.token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // What is in front of the Worker may know the visitor by a cookie.
      credentials: "same-origin",
    });
    const json: unknown = await response.json().catch(() => null);
    const ms = performance.now() - began;
    const known = response.ok && json !== null;
    return {
      answer: known ? (json as Answer) : null,
      problem: known ? null : problemOf(response.status, json),
      ...{ json, ms, timing: response.headers.get("server-timing") ?? "" },
      retryAfter: response.headers.get("retry-after"),
    };
  }
}

/** What is in front of the Worker may answer with something else than a problem. */
function problemOf(status: number, json: unknown): Problem {
  if (typeof json === "object" && json !== null && "detail" in json) return json as Problem;
  const detail = `got the status ${status} without a problem, expected an answer of the Worker`;
  return { type: "about:blank", title: "Another answer", status: status as Problem["status"], detail };
}
