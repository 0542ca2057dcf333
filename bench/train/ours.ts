// A contestant of the race on one of our engines: node bench/train/ours.ts ENGINE THREADS. It trains as `train` does,
// but for the validation: its records come from shards on the disk.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Dataset } from "../../trainer/data/dataset.ts";
import type { TrainingBatch } from "../../trainer/data/epoch.ts";
import { Random } from "../../trainer/data/random.ts";
import { trainingSource } from "../../trainer/data/source.ts";
import { BACKENDS } from "../../trainer/engine/backends.ts";
import { type AskedEngine, engineFactory, startEngine } from "../../trainer/engine/engines.ts";
import { UserError } from "../../trainer/errors.ts";
import { Learner } from "../../trainer/model/learner.ts";
import { BUFFER, type Case, type RecordsFile, specOf, vocabularyOf } from "./cases.ts";
import { engineName } from "./entrants.ts";
import type { Command, Refusal, Replies } from "./protocol.ts";

const [name = "", threads = ""] = process.argv.slice(2);

class Trainee {
  readonly #of: Case;
  readonly #learner: Learner;
  readonly #batches: AsyncGenerator<TrainingBatch>;
  readonly #first: Dataset;

  constructor(learner: Learner, { case: of, folder, file }: Extract<Command, { do: "open" }>) {
    this.#of = of;
    this.#learner = learner;
    this.#batches = endless(file, of.batch);
    this.#first = firstBatch(of, folder);
  }

  save(folder: string): void {
    const { rows, dense } = this.#learner.weights();
    writeFileSync(join(folder, "table.f32"), rows);
    writeFileSync(join(folder, "dense.f32"), dense);
  }

  losses(count: number): number[] {
    const records = Uint32Array.from({ length: this.#of.batch }, (_, i) => i);
    return Array.from({ length: count }, () => this.#learner.step(this.#first, records, this.#of.learningRate));
  }

  async steps(count: number): Promise<Replies["steps"]> {
    const { clock } = this.#learner;
    clock.clear();
    const started = performance.now();
    for (let step = 0; step < count; step++) {
      const { value } = await this.#batches.next();
      clock.lap("input");
      this.#learner.step(value.dataset, value.records, this.#of.learningRate);
    }
    return { ms: performance.now() - started, parts: { ...clock.ms } };
  }
}

/** Epoch after epoch. */
async function* endless(file: RecordsFile, batch: number): AsyncGenerator<TrainingBatch> {
  const source = trainingSource(file, batch, BUFFER);
  const random = new Random(1);
  while (true) yield* source.epoch(random);
}

function firstBatch({ fields, batch }: Case, folder: string): Dataset {
  const bytes = readFileSync(join(folder, "rows.i32")).subarray(0, 4 * batch * fields);
  return {
    count: batch,
    labels: readFileSync(join(folder, "labels.u8")).subarray(0, batch),
    offsets: Uint32Array.from({ length: batch * fields + 1 }, (_, i) => i),
    rows: new Int32Array(bytes.slice().buffer),
    values: new Float32Array(batch * fields).fill(1),
  };
}

function readFloats(path: string): Float32Array {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

async function open(command: Extract<Command, { do: "open" }>): Promise<{ trainee: Trainee } & Replies["open"]> {
  const backend = BACKENDS.find((one) => name === engineName(one));
  const asked: AskedEngine = backend ? { backend } : { engine: "assembly", threads: Number(threads) };
  const { engine, threads: running, versions } = await startEngine(asked);
  const learner = new Learner(specOf(command.case), vocabularyOf(command.case), engineFactory(engine, running));
  if (command.weights) {
    const { runningStats } = learner.weights();
    const [rows, dense] = ["table.f32", "dense.f32"].map((file) => readFloats(join(command.folder, file)));
    learner.restore({ rows, dense, runningStats });
  }
  return { trainee: new Trainee(learner, command), versions };
}

let trainee: Trainee | null = null;

async function answer(command: Command): Promise<object> {
  if (command.do === "open") {
    const { trainee: opened, ...reply } = await open(command);
    trainee = opened;
    return reply;
  }
  if (command.do === "peak") return { peakBytes: process.resourceUsage().maxRSS * 1024 };
  if (trainee === null) throw new Error(`got ${command.do} before a case, expected open`);
  if (command.do === "save") return trainee.save(command.folder) ?? {};
  if (command.do === "losses") return { losses: trainee.losses(command.count) };
  return await trainee.steps(command.count);
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line) as Command).catch((error: Error): Refusal => {
    if (error instanceof UserError) return { error: error.message };
    throw error;
  });
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
