// Our relaxed kernel in workerd, by a Worker of its own: worker/.
import { fileURLToPath } from "node:url";
import { writeBlob } from "../../format/write-blob.ts";
import { type BenchCase, CONTEXT_FIELDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { childrenMs } from "./processor-time.ts";
import { median } from "./race.ts";

/** Records of a timed request, so that it takes long beside what varies about a request. */
const RECORDS_PER_REQUEST = 1024;

/** The Worker under wrangler's development server. */
export class Workerd {
  readonly #url: URL;
  readonly #stop: () => Promise<void>;

  private constructor(url: URL, stop: () => Promise<void>) {
    this.#url = url;
    this.#stop = stop;
  }

  static async start(): Promise<Workerd> {
    process.env.WRANGLER_SEND_METRICS = "false";
    process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
    const { unstable_startWorker } = await import("wrangler");
    const worker = await unstable_startWorker({
      config: fileURLToPath(new URL("worker/wrangler.toml", import.meta.url)),
      dev: { server: { hostname: "127.0.0.1", port: 0 }, inspector: false, watch: false, logLevel: "error" },
    });
    await worker.ready;
    return new Workerd(await worker.url, () => worker.dispose());
  }

  async load({ fields, models }: BenchCase, type: "int8" | "f32"): Promise<void> {
    await this.#fetch({ fields, context: Math.min(fields, CONTEXT_FIELDS) }, "PUT", writeBlob(models[type]));
  }

  /**
   * µs a record, `batch` a call; `rank`: as candidates. A request with twice the work less one with once, so that the
   * request itself is no part of it: clocks in workerd stand still while it computes. The median of `rounds`.
   */
  async micros({ rows }: BenchCase, batch: number, rounds: number, rank = false): Promise<number> {
    const times = Math.ceil(RECORDS_PER_REQUEST / batch);
    const milliseconds = async (count: number): Promise<number> => {
      const started = now();
      await this.#fetch({ times: count, batch, rank: Number(rank) }, "POST", rows);
      return now() - started;
    };
    await milliseconds(times);
    const micros: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const once = await milliseconds(times);
      micros.push((1000 * ((await milliseconds(2 * times)) - once)) / (times * batch));
    }
    return median(micros);
  }

  /** Loads a model and scores the first records, to be compared with the others. */
  contestant(one: BenchCase, type: "int8" | "f32", rank = false): Contestant {
    return {
      name: `${type} in workerd`,
      score: async (_first, records, logits) => {
        await this.load(one, type);
        const query = { times: 1, batch: records, rank: Number(rank) };
        logits.set(new Float32Array(await this.#fetch(query, "POST", one.rows)));
      },
      close() {},
    };
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  async #fetch(query: Record<string, number>, method: string, body: Uint8Array | Uint32Array): Promise<ArrayBuffer> {
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const response = await fetch(url, {
      method,
      body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(),
    });
    if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
    return response.arrayBuffer();
  }
}

/** Milliseconds: workerd's processor time, or what a clock on the wall says. */
function now(): number {
  return childrenMs("workerd") ?? performance.now();
}
