// Our relaxed kernel in workerd. The Worker that runs it is in worker/, and made for this benchmark.
import { writeBlob } from "../../format/write-blob.ts";
import { DevWorker } from "../dev-worker.ts";
import { type BenchCase, CONTEXT_FIELDS, type Precision } from "./cases.ts";
import { modelFor } from "./catalogue.ts";
import { type Contestant, type Way, wayText } from "./contestant.ts";

const NOTHING = new Uint8Array(0);

export class Workerd {
  readonly #worker: DevWorker;

  private constructor(worker: DevWorker) {
    this.#worker = worker;
  }

  static async start(): Promise<Workerd> {
    return new Workerd(await DevWorker.start(new URL("worker/wrangler.toml", import.meta.url)));
  }

  /** Loads a case's model; those that were loaded before stay. */
  async contestant(one: BenchCase, precision: Precision, way: Way): Promise<Contestant> {
    const name = `${precision} in workerd${wayText(way)}`;
    const { fields, rows } = one;
    const { model, numbers } = modelFor(one, precision, way);
    const all = new Uint32Array(rows.length + numbers.length);
    all.set(rows);
    all.set(numbers, rows.length);
    await this.#worker.fetch({ name, part: "rows" }, "PUT", all);
    const context = Math.min(fields, CONTEXT_FIELDS);
    await this.#worker.fetch({ name, part: "blob", fields, context }, "PUT", writeBlob(model));
    return {
      name,
      score: async (first, batch, logits) => {
        const query = { name, calls: 1, batch, way, first };
        logits.set(new Float32Array(await this.#worker.fetch(query, "POST", NOTHING)));
      },
      // What a request takes without any call is subtracted.
      milliseconds: async (first, batch, calls) => {
        const query = { name, batch, way, first };
        const without = await this.#worker.requestMs({ ...query, calls: 0 }, NOTHING);
        return (await this.#worker.requestMs({ ...query, calls }, NOTHING)) - without;
      },
      close() {},
    };
  }

  /** Forgets all models. */
  async clear(): Promise<void> {
    await this.#worker.fetch({}, "DELETE", NOTHING);
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
