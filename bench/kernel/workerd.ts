// Our relaxed kernel in workerd, by a Worker of its own: worker/.
import { writeBlob } from "../../format/write-blob.ts";
import { DevWorker } from "../dev-worker.ts";
import { type BenchCase, CONTEXT_FIELDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { median } from "./race.ts";

/** Records of a timed request, so that it takes long beside what varies about a request. */
const RECORDS_PER_REQUEST = 1024;

export class Workerd {
  readonly #worker: DevWorker;

  private constructor(worker: DevWorker) {
    this.#worker = worker;
  }

  static async start(): Promise<Workerd> {
    return new Workerd(await DevWorker.start(new URL("worker/wrangler.toml", import.meta.url)));
  }

  async load({ fields, models }: BenchCase, type: "int8" | "f32"): Promise<void> {
    const query = { fields, context: Math.min(fields, CONTEXT_FIELDS) };
    await this.#worker.fetch(query, "PUT", writeBlob(models[type]));
  }

  /** µs a record, `batch` a call; `rank`: as candidates. The median of `rounds`. */
  async micros({ rows }: BenchCase, batch: number, rounds: number, rank = false): Promise<number> {
    const times = Math.ceil(RECORDS_PER_REQUEST / batch);
    const query = { batch, rank: Number(rank) };
    await this.#worker.fetch({ ...query, times }, "POST", rows);
    const micros: number[] = [];
    for (let round = 0; round < rounds; round++) {
      micros.push((1000 * (await this.#worker.milliseconds(times, query, rows))) / (times * batch));
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
        logits.set(new Float32Array(await this.#worker.fetch(query, "POST", one.rows)));
      },
      close() {},
    };
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
