// The process that sends the requests of the HTTP benchmark, with autocannon, so that no Worker pays for its clients.
// It takes a Job at a time from the process that forked it, and answers with what became of it.
import autocannon from "autocannon";

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
}

const HEADERS = { "content-type": "application/json" };

process.on("message", async (job: Job) => {
  try {
    process.send?.({ drive: await drive(job) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});

async function drive({ url, path, bodies, requests, connections }: Job): Promise<Drive> {
  const latencies: number[] = [];
  let keys = 0;
  let refused: string | null = null;
  const started = performance.now();
  let last = started;
  const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>();
  const sent = {
    url,
    connections,
    amount: requests,
    requests: bodies.map((body) => ({
      method: "POST" as const,
      path,
      headers: HEADERS,
      body,
      onResponse(status, answer, _context, headers) {
        if (status !== 200) refused ??= `${status}: ${answer}`;
        keys += keysIn(headers);
      },
    })),
  } satisfies autocannon.Options;
  const instance = autocannon(sent, (error, result) => (error ? reject(error) : resolve(result)));
  instance.on("response", (_client, _status, _bytes, milliseconds) => {
    latencies.push(milliseconds);
    last = performance.now();
  });
  const { errors } = await promise;
  if (refused !== null || errors > 0 || latencies.length < requests)
    throw new Error(
      `${path}: got ${latencies.length} answers, ${errors} errors, ${refused ?? ""}; expected ${requests}`,
    );
  return { seconds: (last - started) / 1000, latencies: latencies.sort((a, b) => a - b), keys };
}

/** What `server-timing` says of KV; 0 without it. */
function keysIn(headers: object | undefined): number {
  const lines = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "server-timing");
  return Number(/kv;desc="(\d+)"/.exec(String(lines?.[1] ?? ""))?.[1] ?? 0);
}
