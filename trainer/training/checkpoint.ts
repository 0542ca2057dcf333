import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../format/errors.ts";
import { checksum } from "../../format/hash.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { RandomState } from "../data/random.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { writeWhole } from "../io/files.ts";
import { type NamedTensor, readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import type { Position, Training } from "./epochs.ts";

// A training as it stands between two steps, so that one that was cut off ends with the same weights as one that was not:
// the learner's weights and optimizer state, the best weights so far, the generator, and the position in the data.

/** Which of a model's trainings a checkpoint is of: an FNN has two. */
export type Stage = "pretraining" | "training";

const FILE = "checkpoint.safetensors";

/** The metadata of a checkpoint's file: JSON a value. */
interface Metadata {
  identity: string;
  stage: Stage;
  position: Position;
  random: RandomState;
}

export class Checkpoints {
  readonly path: string;
  readonly #identity: string;

  constructor(folder: string, spec: FeatureSpec, vocabulary: Vocabulary, records: number) {
    this.path = join(folder, FILE);
    this.#identity = identityOf(spec, vocabulary, records);
  }

  save(stage: Stage, training: Training): void {
    const { learner, bestWeights, position } = training;
    const tensors: Record<string, NamedTensor> = { ...learner.state() };
    for (const [name, data] of Object.entries(bestWeights ?? {}))
      tensors[`best.${name}`] = { shape: [data.length], data };
    const metadata: Metadata = { identity: this.#identity, stage, position, random: learner.random.state() };
    const texts = Object.entries(metadata).map(([key, value]) => [key, JSON.stringify(value)] as const);
    writeWhole(this.path, writeSafetensors(tensors, Object.fromEntries(texts)));
  }

  /** The stage that was cut off, or null where there is no checkpoint. Throws FormatError if it is another training's. */
  stage(): Stage | null {
    return existsSync(this.path) ? this.#read().metadata.stage : null;
  }

  /** Puts a training, just begun, where the checkpoint was taken. */
  restore(training: Training): void {
    const { tensors, metadata } = this.#read();
    const of = (name: string): Float32Array => {
      const data = tensors[name]?.data;
      if (data instanceof Float32Array) return data;
      throw new FormatError(`${this.path}: ${name}`, "got no such tensor of floats, expected one");
    };
    training.learner.restoreState(tensors);
    training.learner.random.restore(metadata.random);
    training.position = metadata.position;
    if (tensors["best.rows"])
      training.bestWeights = { rows: of("best.rows"), dense: of("best.dense"), runningStats: of("best.runningStats") };
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #read(): { tensors: Record<string, NamedTensor>; metadata: Metadata } {
    const { tensors, metadata: texts } = readSafetensors(readFileSync(this.path), this.path);
    const metadata = Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [key, JSON.parse(text)]),
    ) as unknown as Metadata;
    if (metadata.identity === this.#identity) return { tensors, metadata };
    throw new FormatError(
      this.path,
      "got a checkpoint of another training, expected one of this spec and these logs; without --resume it is overwritten",
    );
  }
}

/** Thrown between two steps after SIGINT or SIGTERM, when the checkpoint is written. */
export class Interrupted extends Error {
  /** 128 + the signal's number, as shells report it. */
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM", path: string) {
    super(`stopped by ${signal}; --resume goes on from ${path}`);
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}

/** Saves a training's checkpoints: every so often, and when it is told to stop. */
export class Saving {
  readonly #checkpoints: Checkpoints;
  readonly #stage: Stage;
  readonly #training: Training;
  readonly #every: number;
  #last = performance.now();
  #signal: "SIGINT" | "SIGTERM" | null = null;
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#signal = signal === "SIGINT" ? signal : "SIGTERM";
  };

  constructor(checkpoints: Checkpoints, stage: Stage, training: Training, minutes: number) {
    this.#checkpoints = checkpoints;
    this.#stage = stage;
    this.#training = training;
    this.#every = minutes * 60_000;
    process.once("SIGINT", this.#onSignal);
    process.once("SIGTERM", this.#onSignal);
  }

  /** To be called between two steps. */
  afterStep(): void {
    if (this.#signal === null && performance.now() - this.#last < this.#every) return;
    this.#checkpoints.save(this.#stage, this.#training);
    this.#last = performance.now();
    if (this.#signal !== null) throw new Interrupted(this.#signal, this.#checkpoints.path);
  }

  stop(): void {
    process.removeListener("SIGINT", this.#onSignal);
    process.removeListener("SIGTERM", this.#onSignal);
  }
}

/** What two trainings must have in common for one to go on where the other stopped. */
function identityOf(spec: FeatureSpec, { keys, counts }: Vocabulary, records: number): string {
  const bytes = (list: Uint32Array): Uint8Array => new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
  const sums = [bytes(keys), bytes(counts), new TextEncoder().encode(JSON.stringify(spec))].map((list) => {
    const { lo, hi } = checksum(list, 0);
    return `${hi.toString(16)}-${lo.toString(16)}`;
  });
  return [...sums, records].join(" ");
}
