import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { checksum } from "../../format/hash.ts";
import { parseJson, parseWith } from "../../format/parse.ts";
import type { ResolvedSpec } from "../../format/spec.ts";
import type { HeldOutLog } from "../data/held-out-log.ts";
import type { TrainingSource } from "../data/source.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import {
  type AskedEngine,
  askFor,
  ENGINES,
  type EngineName,
  PLATFORMS,
  type Platform,
  type RunningEngine,
} from "../engine/engines.ts";
import { prefixed, readMetadata, readSafetensors, unprefixed, writeSafetensors } from "../io/safetensors.ts";
import { namedWeights, weightsFromNamed } from "../model/weights.ts";
import { warn } from "../terminal/warning.ts";
import type { Position, Training } from "./epochs.ts";

// A checkpoint holds a training as it stands between two steps, so that one that is cut off and resumed ends with the
// same weights as one that is not. Its tensors are the learner's weights under the names of a run folder
// (run-folder.ts), the best weights so far under `best.` and these names, and the optimizers' state; its metadata are
// the generator's state and the position in the data.

/** Which of a model's trainings a checkpoint belongs to: an FNN has two. */
export type Stage = "pretraining" | "training";

const FILE = "checkpoint.safetensors";

/** What the names of the best weights begin with. */
const BEST = "best.";

/** Whether a run folder has a checkpoint, of whichever training. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(join(folder, FILE));
}

/** What asks for the engine that began the training of a folder's checkpoint; null where there is no checkpoint. */
export function engineOfCheckpoint(folder: string): AskedEngine | null {
  if (!hasCheckpoint(folder)) return null;
  const path = join(folder, FILE);
  const { engine, backend } = parseMetadata(readMetadata(path), path);
  const why = "the checkpoint was begun with it";
  return backend === undefined ? { engine, why } : askFor({ engine, backend, why });
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** NaN, of a metric that does not exist, is null in JSON. */
const metric = v.pipe(
  v.nullable(v.number()),
  v.transform((x) => x ?? Number.NaN),
);
const EpochSchema = v.object({
  epoch: count,
  learningRate: v.number(),
  loss: v.number(),
  auc: metric,
  logloss: metric,
  validLoss: v.exactOptional(v.number()),
  seconds: v.number(),
});
const WrittenPositionSchema = v.object({
  epochs: v.array(EpochSchema),
  steps: count,
  records: count,
  /** Earlier versions took all records for learned. */
  learned: v.exactOptional(v.pipe(v.number(), v.finite(), v.minValue(0))),
  lossSum: v.number(),
  /** Earlier versions did not count them. */
  seconds: v.exactOptional(v.number(), 0),
  learningRate: v.number(),
  drops: count,
  waited: count,
  best: v.nullable(EpochSchema),
  done: v.boolean(),
});
const PositionSchema = v.pipe(
  WrittenPositionSchema,
  v.transform(({ learned, ...position }): Position => ({ ...position, learned: learned ?? position.records })),
);

/** The metadata of a checkpoint's file, each value as JSON. */
const MetadataSchema = v.object({
  /** What tells this training from others (`identityOf`). */
  identity: v.string(),
  /** What more tells its logs from others (`logsText`). Earlier versions looked at the training log's keys alone. */
  logs: v.exactOptional(v.string()),
  /** A checkpoint of an earlier version, whose one engine was TensorFlow.js, does not name it. */
  engine: v.exactOptional(v.picklist(ENGINES), "tfjs"),
  /** What the engine computes on; earlier versions did not name it. */
  backend: v.exactOptional(v.picklist(PLATFORMS)),
  stage: v.picklist(["pretraining", "training"]) satisfies v.GenericSchema<Stage>,
  position: PositionSchema,
  random: v.pipe(v.tuple([v.number(), v.number(), v.number(), v.number(), v.nullable(v.number())]), v.readonly()),
});
type Metadata = v.InferOutput<typeof MetadataSchema>;

/** The logs of a training: the one that it learns from, and the one that decides when to stop. */
export interface CheckpointLogs {
  train: Pick<TrainingSource, "count" | "labels">;
  valid: Pick<HeldOutLog, "count" | "labels" | "uses" | "unseen">;
}

/** The one checkpoint of a run folder. */
export class Checkpoints {
  readonly path: string;
  readonly #engine: EngineName;
  readonly #backend: Platform;
  readonly #identity: string;
  readonly #logs: string;

  constructor(
    folder: string,
    { engine, backend }: Pick<RunningEngine, "engine" | "backend">,
    spec: ResolvedSpec,
    vocabulary: Vocabulary,
    logs: CheckpointLogs,
  ) {
    this.path = join(folder, FILE);
    this.#engine = engine;
    this.#backend = backend;
    this.#identity = identityOf(spec, vocabulary, logs.train.count);
    this.#logs = logsText(logs);
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Throws UserError where the system refuses to write; the checkpoint before it stays. */
  save(stage: Stage, training: Training): void {
    const { learner, bestWeights, position } = training;
    const { model, tables } = learner;
    const best = bestWeights ? prefixed(BEST, namedWeights(model, tables, bestWeights)) : {};
    const tensors = { ...learner.state(), ...best };
    const own = { identity: this.#identity, logs: this.#logs, engine: this.#engine, backend: this.#backend };
    const metadata: Metadata = { ...own, stage, position, random: learner.random.state() };
    const texts = Object.entries(metadata).map(([key, value]) => [key, JSON.stringify(value)] as const);
    writeSafetensors(this.path, tensors, Object.fromEntries(texts));
  }

  /** The stage that was cut off; null where there is no checkpoint. Throws FormatError for another training's. */
  stage(): Stage | null {
    return this.exists ? this.#parse(readMetadata(this.path)).stage : null;
  }

  /** Takes a training that has just begun to where the checkpoint was saved. */
  restore(training: Training): void {
    const { tensors, metadata: texts } = readSafetensors(this.path);
    const metadata = this.#parse(texts);
    const { backend = this.#backend } = metadata;
    if (backend !== this.#backend)
      warn(
        `${this.path}: begun on ${backend}, goes on with ${this.#backend}: the weights will differ by rounding from ` +
          "those of a training on one of them",
      );
    const { learner } = training;
    learner.restoreState(tensors, this.path);
    learner.random.restore(metadata.random);
    training.position = metadata.position;
    const best = unprefixed(BEST, tensors);
    if (Object.keys(best).length > 0)
      training.bestWeights = weightsFromNamed(
        learner.model,
        learner.tables,
        best,
        `${this.path}: ${BEST.slice(0, -1)}`,
      );
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #parse(texts: Record<string, string>): Metadata {
    const metadata = parseMetadata(texts, this.path);
    if (metadata.engine !== this.#engine) {
      throw new FormatError(
        this.path,
        `got a checkpoint of the engine ${metadata.engine}, expected one of ${this.#engine}; ` +
          `--engine ${metadata.engine} goes on with it, and without --resume it is overwritten`,
      );
    }
    const { identity, logs = this.#logs } = metadata;
    if (identity === this.#identity && logs === this.#logs) return metadata;
    throw new FormatError(
      this.path,
      "got a checkpoint of another training, expected one of this spec and these logs; " +
        "without --resume it is overwritten",
    );
  }
}

/** Throws FormatError, which names the place in it, where a checkpoint's metadata are not what they must be. */
function parseMetadata(texts: Record<string, string>, path: string): Metadata {
  const parsed = Object.entries(texts).map(([key, text]) => [key, parseJson(text, `${path}: ${key}`)] as const);
  return parseWith(MetadataSchema, Object.fromEntries(parsed), path);
}

/** Thrown between two steps after SIGINT or SIGTERM, when the checkpoint is written, or cannot be. */
export class Interrupted extends Error {
  /** 128 + the signal's number, as shells report it. */
  readonly exitCode: number;

  /** `path`: the checkpoint; null where there is none. */
  constructor(signal: "SIGINT" | "SIGTERM", path: string | null) {
    super(`stopped by ${signal}; ${path === null ? "there is no checkpoint" : `--resume goes on from ${path}`}`);
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}

/**
 * The signal that ends a training at once, without its checkpoint. The second may be the first once more: where one
 * goes to all processes of a group or a service, bin.js under another Node gets it too, and hands it on.
 */
const LAST_SIGNAL = 3;

/** Saves a training's checkpoints: every so many minutes, and when a signal tells it to stop. */
export class Saving {
  readonly #checkpoints: Checkpoints;
  readonly #stage: Stage;
  readonly #training: Training;
  /** Milliseconds between two checkpoints. */
  readonly #every: number;
  #last = performance.now();
  #signal: "SIGINT" | "SIGTERM" | null = null;
  #signals = 0;
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#signal = signal === "SIGINT" ? signal : "SIGTERM";
    if (++this.#signals < LAST_SIGNAL) return;
    this.stop();
    process.kill(process.pid, signal);
  };

  constructor(checkpoints: Checkpoints, stage: Stage, training: Training, minutes: number) {
    this.#checkpoints = checkpoints;
    this.#stage = stage;
    this.#training = training;
    this.#every = minutes * 60_000;
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  /** To be called between two steps. */
  afterStep(): void {
    if (this.#signal === null && performance.now() - this.#last < this.#every) return;
    this.#save();
    this.#last = performance.now();
    this.#stopWhereAsked();
  }

  /** To be called when the training has ended: a signal may have come after the last step, as in the validation. */
  afterEnd(): void {
    if (this.#signal === null) return;
    this.#save();
    this.#stopWhereAsked();
  }

  #stopWhereAsked(): void {
    const { path, exists } = this.#checkpoints;
    if (this.#signal !== null) throw new Interrupted(this.#signal, exists ? path : null);
  }

  /** A checkpoint that cannot be saved, as on a full disk, is no reason to lose the training. */
  #save(): void {
    try {
      this.#checkpoints.save(this.#stage, this.#training);
    } catch (error) {
      const { exists } = this.#checkpoints;
      const last = exists ? "; the last checkpoint stays" : "";
      warn(`no checkpoint was saved: ${(error as Error).message}${last}; training goes on`);
    }
  }

  stop(): void {
    process.removeListener("SIGINT", this.#onSignal);
    process.removeListener("SIGTERM", this.#onSignal);
  }
}

/** A text of all that two trainings must have in common for one to go on where the other stopped. */
function identityOf(spec: ResolvedSpec, { keys, counts }: Vocabulary, records: number): string {
  const bytes = (list: Uint32Array): Uint8Array => new Uint8Array(list.buffer, list.byteOffset, list.byteLength);
  const sums = [bytes(keys), bytes(counts), new TextEncoder().encode(JSON.stringify(spec))].map((list) => {
    const { lo, hi } = checksum(list, 0);
    return `${hi.toString(16)}-${lo.toString(16)}`;
  });
  return [...sums, records].join(" ");
}

/** A text of what is counted in a training's logs: other labels, weights or validation records are another training. */
function logsText({ train, valid }: CheckpointLogs): string {
  const { count, labels, uses, unseen } = valid;
  return JSON.stringify([train.labels, count, labels, uses, unseen]);
}
