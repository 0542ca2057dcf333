import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { errorOf } from "../io/thread-fault.ts";
import type { Dataset } from "./dataset.ts";
import { type EpochPlan, readEpoch, type TrainingBatch } from "./epoch.ts";
import { firstNumbers, plainEntries } from "./plain-entries.ts";
import type { Read, ReadBatch, ReadRequest } from "./reader-thread.ts";
import { SHARD_RECORDS } from "./shard.ts";

// Reading, decoding and shuffling run in a thread of their own, so that a training step waits for none of it. The
// records come in the order of `readEpoch`, whatever thread runs it.

/** The batches of an epoch, in order. Whoever does not take all of them disposes of them. */
export type Batches = AsyncIterableIterator<TrainingBatch> & AsyncDisposable;

/**
 * Records that are read ahead: while they are trained on, the thread can load and shuffle a buffer of the default size.
 * They take 20 MB where there are 39 fields.
 */
const AHEAD_RECORDS = 65_536;
const LEAST_AHEAD = 2;

/** Begins to read an epoch. What goes wrong there is thrown where its batches are taken. */
export function readAhead(plan: EpochPlan): Batches {
  // A log of one shard is in memory at once, sooner than a thread would have started.
  return plan.file.count <= SHARD_RECORDS ? readEpoch(plan) : new Reading(plan);
}

/** An epoch that the thread reads. */
class Reading implements AsyncIterableIterator<TrainingBatch>, AsyncDisposable {
  readonly #port: MessagePort;
  readonly #read: Read[] = [];
  #lost: Error | null = null;
  #done = false;
  /** Wakes up whoever waits for a batch. */
  #wake = (): void => {};

  constructor(plan: EpochPlan) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on("message", (read: Read) => {
      this.#read.push(read);
      this.#wake();
    });
    port1.unref();
    const ahead = Math.max(LEAST_AHEAD, Math.ceil(AHEAD_RECORDS / plan.batchSize));
    runningReader().postMessage({ plan, ahead, port: port2 } satisfies ReadRequest, [port2]);
    readings.add(this);
  }

  /** The thread has ended. */
  lose(error: Error): void {
    this.#lost = error;
    this.#wake();
  }

  async next(): Promise<IteratorResult<TrainingBatch>> {
    if (this.#done) return { done: true, value: undefined };
    const read = await this.#take();
    if (read !== null && !("fault" in read)) {
      this.#port.postMessage(null); // there is room for one more
      return { value: { dataset: datasetOf(read), records: firstNumbers(read.count) } };
    }
    await this.return();
    if (read !== null) throw errorOf(read.fault, READER);
    return { done: true, value: undefined };
  }

  async #take(): Promise<Read> {
    for (;;) {
      // What is there already is taken without a turn of the event loop.
      const read = this.#read.length > 0 ? this.#read.shift() : receiveMessageOnPort(this.#port)?.message;
      if (read !== undefined) return read;
      if (this.#lost) throw this.#lost;
      this.#port.ref();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#port.unref();
    }
  }

  async return(): Promise<IteratorResult<TrainingBatch>> {
    this.#done = true;
    readings.delete(this);
    this.#port.close();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What the thread is called in errors. */
const READER = "the thread that reads the log";
/** A file's name ends otherwise where it is compiled. */
const SCRIPT = new URL(`./reader-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** The thread that reads for this process. It keeps no process from ending. */
let reader: Worker | null = null;
const readings = new Set<Reading>();

function runningReader(): Worker {
  if (reader) return reader;
  const started = new Worker(SCRIPT);
  const lose = (problem: string): void => {
    if (reader === started) reader = null;
    for (const reading of readings) reading.lose(new Error(`${READER} failed: ${problem}`));
    readings.clear();
  };
  started.once("error", (error) => lose(error.stack ?? String(error)));
  started.once("exit", (code) => lose(`it ended with code ${code}`));
  started.unref();
  reader = started;
  return started;
}

function datasetOf({ offsets, values, ...rest }: ReadBatch): Dataset {
  return offsets && values ? { ...rest, offsets, values } : { ...rest, ...plainEntries(rest.rows.length) };
}
