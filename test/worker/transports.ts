import { exports } from "cloudflare:workers";
import { kvKeys, type ProblemAnswer, problemOf, startWorker, type TestBindings } from "./client.ts";
import { type Method, startScoring } from "./rpc-worker.ts";

// The ways in which a request that scores comes to a Worker. What holds of one holds of all: suites of a route run over
// each.

export interface Reply<Answer> {
  status: number;
  /** Keys that were read from KV; NaN where nothing was scored. */
  keys: number;
  answer: Answer;
}

/** A Worker as in a new isolate, with one way to it. It lets its caller explain. */
export interface Client {
  ask<Answer>(method: Method, body: object | string): Promise<Reply<Answer>>;
  /** Asks for what is refused. */
  problem(method: Method, body: object | string): Promise<ProblemAnswer>;
}

type Start = (overrides?: TestBindings) => Client;

function startHttp(overrides: TestBindings = {}): Client {
  const worker = startWorker(overrides);
  const send = (method: Method, body: object | string): Promise<Response> => worker.asAdmin(`/v1/${method}`, body);
  return {
    async ask<Answer>(method: Method, body: object | string): Promise<Reply<Answer>> {
      const response = await send(method, body);
      return { status: response.status, keys: kvKeys(response), answer: await response.json<Answer>() };
    },
    problem: async (method, body) => problemOf(await send(method, body)),
  };
}

function startRpc(overrides: TestBindings = {}): Client {
  const number = startScoring(overrides);
  const call = (method: Method, body: object | string) =>
    exports.RpcWorker.call(number, method, typeof body === "string" ? JSON.parse(body) : body);
  return {
    async ask<Answer>(method: Method, body: object | string): Promise<Reply<Answer>> {
      using reply = await call(method, body);
      if (!reply.ok) return { status: reply.problem.status, keys: Number.NaN, answer: reply.problem as Answer };
      const keys = Number(/^kv;desc="(\d+)"/.exec(reply.serverTiming)?.[1]);
      return { status: 200, keys, answer: reply.answer as Answer };
    },
    async problem(method, body) {
      using reply = await call(method, body);
      if (reply.ok) throw new Error(`got ${JSON.stringify(reply.answer)}, expected a problem`);
      return reply.problem;
    },
  };
}

export const TRANSPORTS: [name: string, start: Start][] = [
  ["HTTP", startHttp],
  ["RPC", startRpc],
];
