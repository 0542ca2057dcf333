import { FormatError } from "../../format/errors.ts";
import { MAX_PAYLOAD_BYTES, type Payload, readPayload } from "../../format/experiment.ts";
import {
  checkPayloadHash,
  experimentsKey,
  payloadKey,
  readExperimentsPointer,
} from "../../format/experiments-pointer.ts";
import { sha256, toHex } from "../../format/hash.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { errorText, logError, logInfo } from "../http/log.ts";
import { Deadline, settledWithin } from "../http/promises.ts";
import { readParts } from "../http/read-parts.ts";
import * as limits from "../limits.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import { counter, type MetricFamily, type Series } from "../metrics/exposition.ts";
import type { Source } from "../source/source.ts";
import { Evaluator } from "./evaluator.ts";

/** What became of looks at the store in this isolate since it started. */
export interface PayloadCounters {
  /** Payloads that were read, and serve or served. */
  loaded: number;
  /** Payloads and pointers that broke the contract. */
  refused: number;
  /** Looks at the store that failed or took too long. */
  unreachable: number;
}

/** What serves. */
interface Served {
  evaluator: Evaluator;
  /** The SHA-256 of the payload's bytes, 64 hex digits. */
  hash: string;
  /** When its pointer was written, in milliseconds since the epoch; null: a payload without a pointer. */
  since: number | null;
}

/** What the store says of experiments. */
export interface ExperimentsStatus {
  payload: string | null;
  since: number | null;
  /** Null: nothing is wrong with what was read last. */
  problem: string | null;
}

/**
 * The experiments of an isolate: follows the store's pointer, off the way of requests. Only the first request of an
 * isolate, and the first one after a while without any, waits a moment for it. A payload that is broken, or cannot be
 * read, leaves the last good one serving.
 */
export class ExperimentStore {
  readonly counters: PayloadCounters = { loaded: 0, refused: 0, unreachable: 0 };
  readonly #memory: MemoryBudget;
  readonly #now: () => number;
  #served: Served | null = null;
  #problem: string | null = null;
  /** When what the store says was last known, or could not be, in milliseconds since the epoch. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #look: { done: Promise<void>; startedAt: number } | null = null;

  constructor(memory: MemoryBudget, now: () => number) {
    this.#memory = memory;
    this.#now = now;
  }

  /** What assigns units now; null where there are no experiments. Nothing is awaited where it was read a while ago. */
  current(source: Source, keepAlive: KeepAlive): Evaluator | null | Promise<Evaluator | null> {
    const age = this.#now() - this.#lookedAt;
    if (age < limits.EXPERIMENTS_REFRESH_MS) return this.#evaluator;
    const look = this.#lookAgain(source, keepAlive);
    if (age < limits.EXPERIMENTS_MAX_AGE_MS) return this.#evaluator;
    return settledWithin(look, limits.EXPERIMENTS_WAIT_MS).then(() => this.#evaluator);
  }

  status(): ExperimentsStatus {
    const { hash = null, since = null } = this.#served ?? {};
    return { payload: hash, since, problem: this.#problem };
  }

  family(): MetricFamily {
    const series = Object.entries(this.counters).map(([result, n]): Series => [{ result }, n]);
    return counter("experiment_payloads_total", "Payloads of experiments, by what became of them.", series);
  }

  get #evaluator(): Evaluator | null {
    return this.#served?.evaluator ?? null;
  }

  /** Begins a look at the store, or joins the one under way. The request that began it is kept alive for it. */
  #lookAgain(source: Source, keepAlive: KeepAlive): Promise<void> {
    const startedAt = this.#now();
    if (this.#look && startedAt - this.#look.startedAt < limits.EXPERIMENTS_LOST_MS) return this.#look.done;
    const done = this.#read(source).finally(() => {
      if (this.#look === look) this.#look = null;
    });
    const look = { done, startedAt };
    this.#look = look;
    keepAlive(done);
    return done;
  }

  /** Never rejects. */
  async #read(source: Source): Promise<void> {
    const startedAt = this.#now();
    try {
      using deadline = new Deadline(limits.EXPERIMENTS_LOST_MS, () => new Error("the experiments were not there"));
      await this.#follow(source, deadline);
      this.#problem = null;
    } catch (error) {
      const problem = errorText(error);
      this.counters[error instanceof FormatError ? "refused" : "unreachable"]++;
      // The same problem is found at every look; the log has it once.
      if (problem !== this.#problem) logError("experiments_refused", error, { serving: this.#served?.hash ?? null });
      this.#problem = problem;
    }
    this.#lookedAt = startedAt;
  }

  async #follow(source: Source, deadline: Deadline): Promise<void> {
    const inline = await readBytes(source, experimentsKey(), deadline);
    if (inline === null) return this.#serve(null);
    const pointer = readExperimentsPointer(new TextDecoder().decode(inline));
    const since = pointer?.since ?? null;
    // A part of KV may show an older pointer after a newer one was seen.
    if (since !== null && this.#served?.since != null && since < this.#served.since) return;
    const hash = pointer?.payload ?? toHex(await sha256(inline));
    if (hash === this.#served?.hash) {
      this.#served.since = since;
      return;
    }
    const bytes = pointer ? await readBytes(source, payloadKey(hash), deadline, this.#problem !== null) : inline;
    if (bytes === null) throw new FormatError(payloadKey(hash), "got nothing, expected the payload of the pointer");
    if (pointer) await checkPayloadHash(bytes, pointer);
    this.#serve({ evaluator: new Evaluator(await this.#checked(bytes, hash, pointer === null)), hash, since });
  }

  async #checked(bytes: Uint8Array, hash: string, isInline: boolean): Promise<Payload> {
    using lease = this.#memory.lease("requests");
    lease.resize(limits.PAYLOAD_MEMORY_FACTOR * bytes.length);
    return await readPayload(bytes, isInline ? experimentsKey() : payloadKey(hash));
  }

  #serve(served: Served | null): void {
    const before = this.#served?.hash ?? null;
    if (served === null && before === null) return;
    this.#served = served;
    if (served) this.counters.loaded++;
    logInfo("experiments_switched", { from: before, to: served?.hash ?? null });
  }
}

/**
 * The bytes under a key; null where there are none. `again`: as for a source. Throws FormatError where they are more
 * than a payload may have.
 */
async function readBytes(source: Source, key: string, deadline: Deadline, again = false): Promise<Uint8Array | null> {
  const stream = await deadline.race(source.stream(key, again));
  if (stream === null) return null;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of readParts(stream, PART_BYTES, deadline)) {
    size += part.length;
    if (size > MAX_PAYLOAD_BYTES)
      throw new FormatError(key, `got more than ${MAX_PAYLOAD_BYTES} bytes, expected at most that many`);
    parts.push(part.slice());
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes that are read at a time. */
const PART_BYTES = 64 * 1024;
