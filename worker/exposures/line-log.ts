import type { KeepAlive } from "../http/keep-alive.ts";
import { errorText, logWarning } from "../http/log.ts";
import { Deadline } from "../http/promises.ts";
import { SampledLog } from "../http/sampled-log.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import type { MetricFamily } from "../metrics/exposition.ts";
import * as limits from "./limits.ts";
import { type Batch, LineBuffer, type LineLimits } from "./line-buffer.ts";
import { type DropReason, LineCounters, type LineLabels } from "./line-counters.ts";
import type { LineKind, LineSink } from "./line-sink.ts";

export interface LineLogOptions {
  kind: LineKind;
  /** What may wait. */
  limits: LineLimits;
  memory: MemoryBudget;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Is called when lines were sent or dropped. Default: nothing. */
  onProgress?: (counters: LineCounters, env: object) => void;
}

/**
 * The lines of one kind that an isolate writes, on their way to a sink. A line waits for others for a short time, and
 * one request, which the runtime keeps alive for that, sends them all. What fails is sent again, later each time, by
 * that request or the next one. Lines that there is no room for are dropped and counted.
 */
export class LineLog {
  readonly counters: LineCounters;
  readonly #kind: LineKind;
  readonly #buffer: LineBuffer;
  readonly #now: () => number;
  readonly #onProgress: (counters: LineCounters, env: object) => void;
  readonly #failures: SampledLog;
  /** Until then a request that waits to send is expected to have begun, in milliseconds since the epoch. */
  #expectedBy = Number.NEGATIVE_INFINITY;
  /** Nothing is sent before. */
  #retryAt = Number.NEGATIVE_INFINITY;
  #failed = 0;
  #saidNoSink = false;

  constructor({ kind, limits, memory, now, onProgress = () => {} }: LineLogOptions) {
    this.counters = new LineCounters(kind);
    this.#kind = kind;
    this.#buffer = new LineBuffer(memory, limits, now);
    this.#now = now;
    this.#onProgress = onProgress;
    this.#failures = new SampledLog(`${kind}_failed`, now);
  }

  /**
   * Takes a line, JSON in UTF-8, to be sent. Returns false where it is dropped. Neither throws nor waits. `labels`:
   * what it is counted by.
   */
  write(bytes: Uint8Array, labels: LineLabels, sink: LineSink | null, env: object, keepAlive: KeepAlive): boolean {
    const counts = this.counters.of(labels);
    counts.written++;
    if (!sink) {
      counts.dropped["no-sink"]++;
      this.#sayNoSink();
      return false;
    }
    const isTaken = this.#buffer.add({ bytes, counts, at: this.#now() });
    if (!isTaken) {
      counts.dropped["buffer-full"]++;
      this.#failures.add({ reason: "buffer-full", waiting: this.#buffer.lines });
    }
    this.#schedule(sink, env, keepAlive);
    return isTaken;
  }

  /** Counts a line that is none, and cannot be sent. */
  drop(labels: LineLabels, reason: DropReason): void {
    const counts = this.counters.of(labels);
    counts.written++;
    counts.dropped[reason]++;
    this.#failures.add({ reason });
  }

  families(): MetricFamily[] {
    return this.counters.families(this.#buffer);
  }

  #schedule(sink: LineSink, env: object, keepAlive: KeepAlive): void {
    const now = this.#now();
    const isMuch = this.#buffer.waitingBytes >= limits.SEND_BYTES && now >= this.#retryAt;
    if (!isMuch && now < this.#expectedBy) return;
    const wait = isMuch ? 0 : Math.max(limits.LINE_BATCH_MS, Math.min(this.#retryAt - now, limits.MAX_SEND_RETRY_MS));
    keepAlive(this.#sendAfter(wait, sink, env));
  }

  /** Sends all that waits, again and again as long as that fails and the request may live. Never rejects. */
  async #sendAfter(wait: number, sink: LineSink, env: object): Promise<void> {
    for (let waited = 0; waited + wait <= limits.SENDER_MS; ) {
      if (wait > 0) {
        this.#expectedBy = this.#now() + wait + limits.SEND_TIMEOUT_MS;
        await sleep(wait);
        waited += wait;
        this.#expectedBy = Number.NEGATIVE_INFINITY;
      }
      if (await this.#sendAll(sink, env)) return;
      // Another request waits already.
      if (this.#now() < this.#expectedBy) return;
      wait = this.#retryAt - this.#now();
    }
  }

  /** Returns whether nothing waits any more. */
  async #sendAll(sink: LineSink, env: object): Promise<boolean> {
    for (let batch = this.#buffer.take(limits.SEND_BYTES); batch; batch = this.#buffer.take(limits.SEND_BYTES)) {
      const error = await this.#send(batch, sink);
      if (error === null) this.#sent(batch);
      else this.#notSent(batch, error);
      this.#onProgress(this.counters, env);
      if (error !== null) return false;
    }
    return true;
  }

  /** What is wrong, or null. */
  async #send({ lines }: Batch, sink: LineSink): Promise<unknown> {
    const late = () => new Error(`got no answer within ${limits.SEND_TIMEOUT_MS} ms`);
    using deadline = new Deadline(limits.SEND_TIMEOUT_MS, late);
    try {
      await deadline.race(
        sink.send(
          this.#kind,
          lines.map(({ bytes }) => bytes),
        ),
      );
      return null;
    } catch (error) {
      return error ?? new Error("the sink rejected");
    }
  }

  #sent(batch: Batch): void {
    this.#failed = 0;
    this.#retryAt = Number.NEGATIVE_INFINITY;
    if (this.#buffer.settle(batch)) for (const { counts } of batch.lines) counts.sent++;
  }

  #notSent(batch: Batch, error: unknown): void {
    const wait = Math.min(limits.SEND_RETRY_MS * 2 ** this.#failed, limits.MAX_SEND_RETRY_MS);
    this.#failed++;
    this.#retryAt = this.#now() + wait;
    this.#buffer.putBack(batch);
    this.#failures.add({ error: errorText(error), waiting: this.#buffer.lines });
  }

  #sayNoSink(): void {
    if (this.#saidNoSink) return;
    this.#saidNoSink = true;
    logWarning(`${this.#kind}_no_sink`, `lines of ${this.#kind} are dropped: no queue or pipeline is bound for them`);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
