// Requests that arrive when they arrive, as those of many users do: none waits until another is answered.
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../trainer/data/random.ts";

export interface Arrivals {
  url: string;
  path: string;
  /** JSON, one for each request. */
  bodies: readonly string[];
  /** Requests a second, in the mean. The time between two is exponentially distributed. */
  rate: number;
  seed: number;
}

export interface Answered {
  status: number;
  answer: string;
  headers: object;
  /** Milliseconds from the time at which the request was to be sent until the whole answer was there. */
  ms: number;
}

/** Sends each body once. Throws where a connection breaks off. */
export async function sendArriving({ url, path, bodies, rate, seed }: Arrivals): Promise<Answered[]> {
  const random = new Random(seed);
  const agent = new Agent({ keepAlive: true });
  const started = performance.now();
  let due = 0;
  const answers: Promise<Answered>[] = [];
  try {
    for (const body of bodies) {
      due += (-1000 / rate) * Math.log(1 - random.uniform());
      await sleep(Math.max(0, started + due - performance.now()));
      const answer = send(new URL(path, url), agent, body, started + due);
      // Whatever fails is thrown below, when all were sent.
      answer.catch(() => {});
      answers.push(answer);
    }
    return await Promise.all(answers);
  } finally {
    agent.destroy();
  }
}

function send(url: URL, agent: Agent, body: string, due: number): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const sent = request(url, { method: "POST", agent, headers }, (response) => {
    let answer = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      answer += part;
    });
    response.on("error", reject);
    response.on("end", () => {
      const { statusCode: status = 0, headers: answered } = response;
      resolve({ status, answer, headers: answered, ms: performance.now() - due });
    });
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
