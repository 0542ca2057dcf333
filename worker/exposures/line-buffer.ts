import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import { LINE_LEASE_MS, LINE_LOST_MS, LINE_STEP_BYTES, MAX_LINE_AGE_MS, MAX_LINE_BYTES } from "./limits.ts";
import type { LineCounts } from "./line-counters.ts";

/** A line that waits to be sent. */
export interface Line {
  bytes: Uint8Array;
  /** What it is counted in. */
  counts: LineCounts;
  /** When it was written, in milliseconds since the epoch. */
  at: number;
}

/** Lines that are being sent. */
export interface Batch {
  lines: readonly Line[];
  takenAt: number;
}

export interface LineLimits {
  lines: number;
  bytes: number;
}

/**
 * The lines of one log that wait to be sent, in the order in which they came, within limits. Whether there is room for
 * a line does not depend on its own length: lines of the origin's arm are shorter than others, and would else be lost
 * less often.
 */
export class LineBuffer {
  readonly #memory: MemoryBudget;
  readonly #limits: LineLimits;
  readonly #now: () => number;
  #waiting: Line[] = [];
  #waitingBytes = 0;
  readonly #taken = new Set<Batch>();
  #takenBytes = 0;
  #lease: Lease | null = null;

  constructor(memory: MemoryBudget, limits: LineLimits, now: () => number) {
    this.#memory = memory;
    this.#limits = limits;
    this.#now = now;
  }

  /** Bytes that no request sends yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Lines that are not sent, those that are being sent among them. */
  get lines(): number {
    let lines = this.#waiting.length;
    for (const batch of this.#taken) lines += batch.lines.length;
    return lines;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#waitingBytes + this.#takenBytes;
  }

  /** Returns false where there is no room for another line. */
  add(line: Line): boolean {
    const isFull = this.#waiting.length >= this.#limits.lines || this.bytes >= this.#limits.bytes;
    if (isFull || !this.#reserve(this.bytes + MAX_LINE_BYTES)) return false;
    this.#waiting.push(line);
    this.#waitingBytes += line.bytes.length;
    return true;
  }

  /** The first lines that wait, of `bytes` in all or one line. Null: none waits. */
  take(bytes: number): Batch | null {
    this.#recover();
    let [count, sum] = [0, 0];
    for (const line of this.#waiting) {
      if (count > 0 && sum + line.bytes.length > bytes) break;
      count++;
      sum += line.bytes.length;
    }
    if (count === 0) return null;
    const batch: Batch = { lines: this.#waiting.splice(0, count), takenAt: this.#now() };
    this.#waitingBytes -= sum;
    this.#takenBytes += sum;
    this.#taken.add(batch);
    return batch;
  }

  /** Ends a batch that was sent. Returns false where it counts as lost, and waits again already. */
  settle(batch: Batch): boolean {
    if (!this.#taken.delete(batch)) return false;
    this.#takenBytes -= bytesOf(batch.lines);
    this.#release();
    return true;
  }

  /** Lets the lines of a batch that was not sent wait again, before all others. Those that are too old are dropped. */
  putBack(batch: Batch): void {
    if (!this.settle(batch)) return;
    const oldest = this.#now() - MAX_LINE_AGE_MS;
    const kept = batch.lines.filter(({ at, counts }) => {
      if (at < oldest) counts.dropped["too-old"]++;
      return at >= oldest;
    });
    if (!this.#reserve(this.bytes + bytesOf(kept))) {
      drop(kept);
      return;
    }
    this.#waiting.unshift(...kept);
    this.#waitingBytes += bytesOf(kept);
  }

  /** A request that ends before it has sent a batch, as the runtime may end it, leaves the batch to others. */
  #recover(): void {
    for (const batch of this.#taken) if (this.#now() - batch.takenAt > LINE_LOST_MS) this.putBack(batch);
  }

  /** Takes memory in steps, so that most lines take none. */
  #reserve(bytes: number): boolean {
    const wanted = Math.ceil(bytes / LINE_STEP_BYTES) * LINE_STEP_BYTES;
    if (!this.#lease) {
      this.#lease = this.#memory.lease("requests");
      this.#lease.defer(() => this.#forget());
    }
    this.#lease.lasts(LINE_LEASE_MS);
    return wanted <= this.#lease.bytes || this.#lease.tryResize(wanted);
  }

  #release(): void {
    if (this.bytes === 0) this.#lease?.end();
  }

  /** The memory is another's now. */
  #forget(): void {
    this.#lease = null;
    drop(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

function drop(lines: readonly Line[]): void {
  for (const { counts } of lines) counts.dropped["buffer-full"]++;
}

function bytesOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
