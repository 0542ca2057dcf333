import { REQUEST_LEASE_MS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { LoadedVersion } from "./loaded-model.ts";

/** What leads requests to a version, and is told when it must go. */
export interface Holder {
  /** Whether it is the default model's, which is never evicted. */
  readonly isDefault: boolean;
  forget(resident: ResidentModel): void;
}

/**
 * A version in the isolate's memory. Whatever leads to it shares it. Once nothing does, its memory is given back when
 * the last request that uses it ends.
 */
export class ResidentModel {
  readonly loaded: LoadedVersion;
  readonly #lease: Lease;
  readonly #now: () => number;
  readonly #onEnd: (resident: ResidentModel) => void;
  readonly #holders = new Set<Holder>();
  #uses = 0;
  #usedAt: number;

  /** `lease`: its memory. `onEnd`: told when that is given back, and must not refer to it any more. */
  constructor(loaded: LoadedVersion, lease: Lease, now: () => number, onEnd: (resident: ResidentModel) => void) {
    this.loaded = loaded;
    this.#lease = lease;
    this.#now = now;
    this.#onEnd = onEnd;
    this.#usedAt = now();
  }

  /** Milliseconds since the epoch: when a request last began to use it. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Bytes that the budget counts for it. */
  get bytes(): number {
    return this.#lease.bytes;
  }

  /** Whether a request may still use it. One that the runtime dropped never says that it has ended. */
  get isUsed(): boolean {
    return this.#uses > 0 && this.#now() - this.#usedAt < REQUEST_LEASE_MS;
  }

  get isHeld(): boolean {
    return this.#holders.size > 0;
  }

  get isDefault(): boolean {
    for (const { isDefault } of this.#holders) if (isDefault) return true;
    return false;
  }

  /** Lets a request use it until its lease ends. */
  use(request: Lease): void {
    this.#uses++;
    this.#usedAt = this.#now();
    request.defer(() => {
      this.#uses--;
      this.endIfUnneeded();
    });
  }

  hold(holder: Holder): void {
    this.#holders.add(holder);
  }

  release(holder: Holder): void {
    this.#holders.delete(holder);
    this.endIfUnneeded();
  }

  /** Lets nothing lead to it any more. */
  evict(): void {
    for (const holder of this.#holders) holder.forget(this);
    this.#holders.clear();
    this.endIfUnneeded();
  }

  /** Gives its memory back where nothing leads to it and no request uses it. Returns whether it is given back. */
  endIfUnneeded(): boolean {
    if (this.isHeld || this.isUsed) return false;
    this.#lease.end();
    this.#onEnd(this);
    return true;
  }
}
