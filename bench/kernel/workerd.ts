// Our relaxed kernel in workerd, by a Worker of its own: worker/.
import { writeBlob } from "../../format/write-blob.ts";
import { DevWorker } from "../dev-worker.ts";
import { type BenchCase, CONTEXT_FIELDS, RECORDS } from "./cases.ts";
import { withCatalogue } from "./catalogue.ts";
import { type Contestant, type Way, wayText } from "./contestant.ts";
import { median } from "./race.ts";

/** Records of a timed request, so that it takes long beside what varies about a request. */
const RECORDS_PER_REQUEST = 1024;

export class Workerd {
  readonly #worker: DevWorker;
  /** Row numbers and item numbers of the case that was loaded. */
  #body = new Uint32Array(0);

  private constructor(worker: DevWorker) {
    this.#worker = worker;
  }

  static async start(): Promise<Workerd> {
    return new Workerd(await DevWorker.start(new URL("worker/wrangler.toml", import.meta.url)));
  }

  async load(one: BenchCase, type: "int8" | "f32", way: Way): Promise<void> {
    const { fields, rows, models } = one;
    const { model, numbers } =
      way === "catalogue" ? withCatalogue(one, type) : { model: models[type], numbers: new Uint32Array(RECORDS) };
    this.#body = new Uint32Array(rows.length + numbers.length);
    this.#body.set(rows);
    this.#body.set(numbers, rows.length);
    const query = { fields, context: Math.min(fields, CONTEXT_FIELDS) };
    await this.#worker.fetch(query, "PUT", writeBlob(model));
  }

  /** µs a record of the case that was loaded, `batch` a call. The median of `rounds`. */
  async micros(batch: number, rounds: number, way: Way): Promise<number> {
    const times = Math.ceil(RECORDS_PER_REQUEST / batch);
    const query = { batch, way };
    await this.#worker.fetch({ ...query, times }, "POST", this.#body);
    const micros: number[] = [];
    for (let round = 0; round < rounds; round++) {
      micros.push((1000 * (await this.#worker.milliseconds(times, query, this.#body))) / (times * batch));
    }
    return median(micros);
  }

  /** Loads a model and scores the first records, to be compared with the others. */
  contestant(one: BenchCase, type: "int8" | "f32", way: Way): Contestant {
    return {
      name: `${type} in workerd${wayText(way)}`,
      score: async (_first, records, logits) => {
        await this.load(one, type, way);
        const query = { times: 1, batch: records, way };
        logits.set(new Float32Array(await this.#worker.fetch(query, "POST", this.#body)));
      },
      close() {},
    };
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
