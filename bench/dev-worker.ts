// A Worker in workerd, under wrangler's development server. Its time is measured from outside, because clocks stand
// still in workerd while it computes.
import { fileURLToPath } from "node:url";
import { type LocalServer, startDevServer } from "../deploy/dev-server.ts";
import { workerdMs } from "./processor-time.ts";

export type Query = Record<string, string | number>;

/** Milliseconds for one answer. The longest, a model's load with all its records, takes seconds. */
const DEADLINE_MS = 300_000;

export class DevWorker {
  readonly #server: LocalServer;

  private constructor(server: LocalServer) {
    this.#server = server;
  }

  /** Starts the Worker that `config`, a wrangler.toml, describes. `persistTo`: the folder of what it stores. */
  static async start(config: URL, persistTo?: string): Promise<DevWorker> {
    return new DevWorker(await startDevServer(fileURLToPath(config), persistTo === undefined ? {} : { persistTo }));
  }

  /** The answer's body. Throws if the answer is an error. */
  async fetch(query: Query, method: string, body: Uint8Array | Uint32Array): Promise<ArrayBuffer> {
    const url = new URL(this.#server.url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(DEADLINE_MS),
      body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(),
    });
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    return response.arrayBuffer();
  }

  /** Milliseconds that workerd takes for a POST request: processor time where the system tells it. */
  async requestMs(query: Query, body: Uint8Array | Uint32Array): Promise<number> {
    const started = workerdMs();
    await this.fetch(query, "POST", body);
    return workerdMs() - started;
  }

  async stop(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
