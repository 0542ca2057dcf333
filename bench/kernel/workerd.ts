// Our relaxed kernel in workerd, by a Worker of its own: worker/.
import { fileURLToPath } from "node:url";
import { writeBlob } from "../../format/write-blob.ts";
import { type BenchCase, CONTEXT_FIELDS, RECORDS } from "./cases.ts";
import { withCatalogue } from "./catalogue.ts";
import { type Contestant, type Way, wayText } from "./contestant.ts";
import { childrenMs } from "./processor-time.ts";
import { median } from "./race.ts";

/** Records of a timed request, so that it takes long beside what varies about a request. */
const RECORDS_PER_REQUEST = 1024;

/** The Worker under wrangler's development server. */
export class Workerd {
  readonly #url: URL;
  readonly #stop: () => Promise<void>;
  /** Row numbers and item numbers of the case that was loaded. */
  #body = new Uint32Array(0);

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

  async load(one: BenchCase, type: "int8" | "f32", way: Way): Promise<void> {
    const { fields, rows, models } = one;
    const { model, numbers } =
      way === "catalogue" ? withCatalogue(one, type) : { model: models[type], numbers: new Uint32Array(RECORDS) };
    this.#body = new Uint32Array(rows.length + numbers.length);
    this.#body.set(rows);
    this.#body.set(numbers, rows.length);
    await this.#fetch({ fields, context: Math.min(fields, CONTEXT_FIELDS) }, "PUT", writeBlob(model));
  }

  /**
   * µs a record of the case that was loaded, `batch` a call. A request with twice the work less one with once, so that the
   * request itself is no part of it: clocks in workerd stand still while it computes. The median of `rounds`.
   */
  async micros(batch: number, rounds: number, way: Way): Promise<number> {
    const times = Math.ceil(RECORDS_PER_REQUEST / batch);
    const milliseconds = async (count: number): Promise<number> => {
      const started = now();
      await this.#fetch({ times: count, batch, way }, "POST", this.#body);
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
  contestant(one: BenchCase, type: "int8" | "f32", way: Way): Contestant {
    return {
      name: `${type} in workerd${wayText(way)}`,
      score: async (_first, records, logits) => {
        await this.load(one, type, way);
        logits.set(new Float32Array(await this.#fetch({ times: 1, batch: records, way }, "POST", this.#body)));
      },
      close() {},
    };
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  async #fetch(
    query: Record<string, number | string>,
    method: string,
    body: Uint8Array | Uint32Array,
  ): Promise<ArrayBuffer> {
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
