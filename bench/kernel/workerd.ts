// Our relaxed kernel in workerd, by a Worker of its own: worker/.
import { writeBlob } from "../../format/write-blob.ts";
import { DevWorker } from "../dev-worker.ts";
import { type BenchCase, CONTEXT_FIELDS, RECORDS } from "./cases.ts";
import { withCatalogue } from "./catalogue.ts";
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

  /** Loads a case's model beside those that are there. */
  async contestant(one: BenchCase, type: "int8" | "f32", way: Way): Promise<Contestant> {
    const name = `${type} in workerd${wayText(way)}`;
    const { fields, rows, models } = one;
    const { model, numbers } =
      way === "catalogue" ? withCatalogue(one, type) : { model: models[type], numbers: new Uint32Array(RECORDS) };
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
      // A request takes time without any call too, which is no part of it.
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
