// The process that sends the requests of the HTTP benchmark, so that no Worker pays for its clients: one after another
// on each connection, with autocannon, or as they arrive. It takes a Job at a time from the process that forked it, and
// answers with what became of it.
import autocannon from "autocannon";
import { type Arrivals, sendArriving } from "./open-loop.ts";

export interface Job {
  url: string;
  path: string;
  /** JSON, sent one after the other, and over again. */
  bodies: readonly string[];
  requests: number;
  /** Connections, each of which has one request under way. */
  connections: number;
}

export interface Drive {
  /** Seconds from the first request to the last answer. */
  seconds: number;
  /** Milliseconds of each request, ascending. */
  latencies: number[];
  /** Keys that the Worker read from KV, as its answers say. */
  keys: number;
  /** Answers that say that rows were missing. */
  degraded: number;
}

/** Milliseconds between two looks of autocannon at whether all is answered. By default a turn takes whole seconds. */
const LOOK_MS = 20;

const HEADERS = { "content-type": "application/json" };

process.on("message", async (job: Job | Arrivals) => {
  try {
    process.send?.({ drive: await ("rate" in job ? arrive(job) : drive(job)) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});

/** What answers have said. */
class Answers {
  readonly #path: string;
  readonly #latencies: number[] = [];
  readonly #started = performance.now();
  #last = this.#started;
  #keys = 0;
  #degraded = 0;
  #refused: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  timed(milliseconds: number): void {
    this.#latencies.push(milliseconds);
    this.#last = performance.now();
  }

  read(status: number, answer: string, headers: object | undefined): void {
    if (status !== 200) this.#refused ??= `${status}: ${answer}`;
    if (answer.includes('"degraded"')) this.#degraded++;
    this.#keys += keysIn(headers);
  }

  /** Throws where one of `requests` was not answered with 200. */
  result(requests: number, errors: number): Drive {
    const latencies = this.#latencies.sort((a, b) => a - b);
    if (this.#refused !== null || errors > 0 || latencies.length < requests)
      throw new Error(
        `${this.#path}: got ${latencies.length} answers, ${errors} errors, ${this.#refused ?? ""}; expected ${requests}`,
      );
    return { seconds: (this.#last - this.#started) / 1000, latencies, keys: this.#keys, degraded: this.#degraded };
  }
}

async function drive({ url, path, bodies, requests, connections }: Job): Promise<Drive> {
  const answers = new Answers(path);
  const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>();
  const sent = {
    url,
    connections,
    amount: requests,
    sampleInt: LOOK_MS,
    requests: bodies.map((body) => ({
      method: "POST" as const,
      path,
      headers: HEADERS,
      body,
      onResponse: (status, answer, _context, headers) => answers.read(status, answer, headers),
    })),
  } satisfies autocannon.Options;
  const instance = autocannon(sent, (error, result) => (error ? reject(error) : resolve(result)));
  instance.on("response", (_client, _status, _bytes, milliseconds) => answers.timed(milliseconds));
  const { errors } = await promise;
  return answers.result(requests, errors);
}

async function arrive(arrivals: Arrivals): Promise<Drive> {
  const answers = new Answers(arrivals.path);
  for (const { status, answer, headers, ms } of await sendArriving(arrivals)) {
    answers.timed(ms);
    answers.read(status, answer, headers);
  }
  return answers.result(arrivals.bodies.length, 0);
}

/** What `server-timing` says of KV; 0 without it. */
function keysIn(headers: object | undefined): number {
  const lines = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "server-timing");
  return Number(/kv;desc="(\d+)"/.exec(String(lines?.[1] ?? ""))?.[1] ?? 0);
}
