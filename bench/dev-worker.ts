// A Worker in workerd, under wrangler's development server. Its time is measured from outside, because clocks stand
// still in workerd while it computes.
import { fileURLToPath } from "node:url";
import { workerdMs } from "./processor-time.ts";

export type Query = Record<string, string | number>;

export class DevWorker {
  readonly #url: URL;
  readonly #stop: () => Promise<void>;

  private constructor(url: URL, stop: () => Promise<void>) {
    this.#url = url;
    this.#stop = stop;
  }

  /** Starts the Worker that `config`, a wrangler.toml, describes. */
  static async start(config: URL): Promise<DevWorker> {
    process.env.WRANGLER_SEND_METRICS = "false";
    process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
    const { unstable_startWorker } = await import("wrangler");
    const worker = await unstable_startWorker({
      config: fileURLToPath(config),
      dev: { server: { hostname: "127.0.0.1", port: 0 }, inspector: false, watch: false, logLevel: "error" },
    });
    await worker.ready;
    return new DevWorker(await worker.url, () => worker.dispose());
  }

  /** The answer's body. Throws if the answer is an error. */
  async fetch(query: Query, method: string, body: Uint8Array | Uint32Array): Promise<ArrayBuffer> {
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await fetch(url, {
      method,
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

  stop(): Promise<void> {
    return this.#stop();
  }
}
