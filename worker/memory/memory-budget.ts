import { MEMORY, REQUEST_LEASE_MS } from "../limits.ts";
import { noRoomError, OverloadedError } from "./overloaded-error.ts";

/** What memory is taken for. */
export type MemoryShare = "models" | "rows" | "requests";

/** What the budget says of itself, in bytes. */
export interface MemoryReport {
  /** The most that may ever be taken. */
  budget: number;
  taken: Record<MemoryShare, number>;
  /** The most that was taken at a time. */
  peak: number;
  /** How often something was refused for want of memory. */
  refused: number;
}

/**
 * The memory of an isolate, in bytes: whatever grows with models or with what clients send is taken here before it is
 * allocated, and nowhere else, since no one but the Worker itself keeps it below the 128 MB at which an isolate ends.
 * The sum is that of MEMORY in limits.ts: models and requests each have a share of their own, so that no flood of
 * requests keeps a model from loading, and cached rows have what models leave. A model that is loaded takes first from
 * cached rows, then from models that nobody needs now, and else is refused.
 */
export class MemoryBudget {
  readonly #now: () => number;
  readonly #mostRowBytes: number;
  readonly #taken: Record<MemoryShare, number> = { models: 0, rows: 0, requests: 0 };
  /** Those of requests. */
  readonly #leases = new Set<Lease>();
  #trimRows: (maxBytes: number) => void = () => {};
  #evictModels: (bytes: number) => void = () => {};
  #peak = 0;
  #refused = 0;

  /** `mostRowBytes`: what cached rows may take at most, in bytes, where models leave it. */
  constructor(now: () => number, mostRowBytes: number = MEMORY.maxRows) {
    this.#now = now;
    this.#mostRowBytes = mostRowBytes;
  }

  /**
   * A lease of nothing yet, for one request or one model. `isRead`: for pages that are being read, which leave the room
   * that is kept for small requests, however few they are.
   */
  lease(share: "models" | "requests", isRead = false): Lease {
    return new Lease(this, share, this.#now() + REQUEST_LEASE_MS, isRead);
  }

  /** Makes `trim` what drops cached rows until they take at most so many bytes. */
  trimRowsWith(trim: (maxBytes: number) => void): void {
    this.#trimRows = trim;
  }

  /** Makes `evict` what drops models that nobody needs now, if that makes so many bytes free. */
  evictModelsWith(evict: (bytes: number) => void): void {
    this.#evictModels = evict;
  }

  /** The most that cached rows may take now. */
  get maxRowBytes(): number {
    return this.#maxRowsBeside(this.#taken.models);
  }

  /** States what cached rows take. The cache keeps it at `maxRowBytes` or less. */
  setRows(bytes: number): void {
    this.#add("rows", bytes - this.#taken.rows);
  }

  report(): MemoryReport {
    return { budget: MEMORY.total, taken: { ...this.#taken }, peak: this.#peak, refused: this.#refused };
  }

  /** For leases alone: takes `bytes` more, or gives back where they are negative. Throws OverloadedError. */
  take(lease: Lease, bytes: number): void {
    if (bytes > 0) this.#refuseBeyond(lease, lease.bytes + bytes);
    if (lease.share === "models") this.#trimRows(this.#maxRowsBeside(this.#taken.models + bytes));
    this.#add(lease.share, bytes);
    if (lease.share === "models") return;
    if (lease.bytes + bytes > 0) this.#leases.add(lease);
    else this.#leases.delete(lease);
  }

  /** The most that cached rows may take beside models of so many bytes. */
  #maxRowsBeside(models: number): number {
    return Math.min(this.#mostRowBytes, MEMORY.total - MEMORY.requests - models);
  }

  /** The one place where any memory is counted. A sum beyond the budget is a defect of those who keep the shares. */
  #add(share: MemoryShare, bytes: number): void {
    const { models, rows, requests } = this.#taken;
    const sum = models + rows + requests + bytes;
    if (bytes > 0 && sum > MEMORY.total)
      throw new Error(`memory: got ${sum} bytes with ${bytes} for ${share}, expected at most ${MEMORY.total}`);
    this.#taken[share] += bytes;
    this.#peak = Math.max(this.#peak, sum);
  }

  /** For leases alone: whether a lease could be one of `bytes` now. */
  hasRoom(lease: Lease, bytes: number): boolean {
    return bytes <= this.#free(lease, bytes);
  }

  /** For leases alone: when one of `milliseconds` from now on ends. */
  endAfter(milliseconds: number): number {
    return this.#now() + milliseconds;
  }

  /** The most bytes that a lease which is to have `wanted` could have. */
  #free(lease: Lease, wanted: number): number {
    const { share, isRead } = lease;
    // A large request leaves room for small ones.
    const isSmall = share === "requests" && !isRead && wanted <= MEMORY.smallRequest;
    const limit = isSmall ? MEMORY.requests : mostOf(share);
    const free = (): number => limit - this.#taken[share] + lease.bytes;
    if (wanted > free()) this.#endOldLeases(lease);
    if (share === "models" && wanted > free()) this.#evictModels(wanted - free());
    return free();
  }

  #refuseBeyond(lease: Lease, wanted: number): void {
    const most = mostOf(lease.share);
    if (wanted > most) this.#refuse(lease, wanted, most, true);
    const free = this.#free(lease, wanted);
    if (wanted > free) this.#refuse(lease, wanted, free, false);
  }

  #refuse({ share }: Lease, wanted: number, free: number, never: boolean): never {
    this.#refused++;
    throw noRoomError(share === "models" ? "the model" : "the request", wanted, free, never);
  }

  /** Of a request whose client has gone, the runtime may drop all that was to follow, and so the end of its lease. */
  #endOldLeases(but: Lease): void {
    const now = this.#now();
    for (const lease of this.#leases) if (lease.endsAt <= now && lease !== but) lease.end();
  }
}

function mostOf(share: "models" | "requests"): number {
  return share === "models" ? MEMORY.models : MEMORY.oneRequest;
}

/** The memory that one request or one model has taken. It ends with `using`, and a request's after a while anyway. */
export class Lease implements Disposable {
  readonly share: "models" | "requests";
  readonly isRead: boolean;
  readonly #budget: MemoryBudget;
  #endsAt: number;
  #bytes = 0;
  #ended = false;
  /** What is called when it ends, the last one first. A DisposableStack takes several times as long. */
  readonly #held: (() => void)[] = [];

  constructor(budget: MemoryBudget, share: "models" | "requests", endsAt: number, isRead: boolean) {
    this.#budget = budget;
    this.share = share;
    this.isRead = isRead;
    this.#endsAt = endsAt;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Milliseconds since the epoch. After that its memory may be taken for another. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** States anew how many milliseconds from now on it lasts. */
  lasts(milliseconds: number): void {
    this.#endsAt = this.#budget.endAfter(milliseconds);
  }

  /** Makes it a lease of so many bytes in all. Throws OverloadedError where they cannot be had. */
  resize(bytes: number): void {
    this.#budget.take(this, bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** As `resize`; returns false where the bytes cannot be had now. */
  tryResize(bytes: number): boolean {
    if (!this.#budget.hasRoom(this, bytes)) return false;
    this.resize(bytes);
    return true;
  }

  /** Gives so many bytes back. */
  giveBack(bytes: number): void {
    this.resize(Math.max(0, this.#bytes - bytes));
  }

  /** Has `giveBack` called when the lease ends, so that the memory is free when it is another's. */
  defer(giveBack: () => void): void {
    if (!this.#ended) this.#held.push(giveBack);
    else giveBack();
    this.refuseEnded();
  }

  /** Settles when it ends: a request that lives until then ends it, also where its client has gone. */
  untilEnd(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended) resolve();
      else this.#held.push(resolve);
    });
  }

  /**
   * Throws OverloadedError where it has ended, since what it held is another's now: the request took longer than a
   * lease lasts, and there was no memory for both.
   */
  refuseEnded(): void {
    if (this.#ended) throw new OverloadedError("the request took so long that its memory is another's now", false);
  }

  end(): void {
    this.#ended = true;
    for (let giveBack = this.#held.pop(); giveBack; giveBack = this.#held.pop()) giveBack();
    this.resize(0);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
