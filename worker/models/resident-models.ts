import { FormatError, show } from "../../format/errors.ts";
import { signerOf } from "../../format/seal.ts";
import { type PublicKey, readPublicKeys } from "../../format/signature.ts";
import { blobKey } from "../../format/store.ts";
import { logInfo } from "../http/log.ts";
import { type Deadline, settledWithin } from "../http/promises.ts";
import { LOAD_TIMEOUT_MS, MODEL_IDLE_MS } from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import type { LoadCounters } from "../metrics/load-counters.ts";
import type { Source } from "../source/source.ts";
import type { KernelModule } from "./kernel-modules.ts";
import { loadModel } from "./load-model.ts";
import type { LoadedVersion } from "./loaded-model.ts";
import type { Published } from "./published.ts";
import { ResidentModel } from "./resident-model.ts";
import { streamBlob } from "./stream-blob.ts";

/** Where models come from. */
export interface ModelOrigin {
  source: Source;
  /** Public keys, one of which must have signed a model, as text; empty: none need have. */
  keys: string;
}

/** A load that is under way. There is one at a time, so that one budget suffices for it. */
interface Load {
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Whether the default model is to be loaded, for which others go that were used just now. */
  isDefault: boolean;
  /** The memory of the version that it brings. */
  lease: Lease;
  /** Resolves when the load has ended. It never does where the request that began it was killed. */
  ended: Promise<void>;
}

/** The versions in an isolate's memory, and how they get there and go. */
export class ResidentModels {
  readonly #kernel: KernelModule;
  readonly #memory: MemoryBudget;
  readonly #now: () => number;
  /** Those that nothing leads to any more are here until the last request that uses them has ended. */
  readonly #residents = new Set<ResidentModel>();
  readonly #counters: LoadCounters;
  #load: Load | null = null;

  constructor(kernel: KernelModule, memory: MemoryBudget, counters: LoadCounters, now: () => number) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#counters = counters;
    this.#now = now;
    memory.evictModelsWith((bytes) => this.#evict(bytes));
  }

  /** Those that something leads to. */
  held(): ResidentModel[] {
    return [...this.#residents].filter(({ isHeld }) => isHeld);
  }

  /**
   * Loads a version once no other load is under way, unless it is there already, and gives it to `place`, which says
   * who holds it. Throws FormatError where a check fails, OverloadedError where there is no memory for it, and what
   * `deadline` throws.
   */
  async load(
    published: Published,
    { source, keys }: ModelOrigin,
    deadline: Deadline,
    isDefault: boolean,
    place: (resident: ResidentModel) => void,
  ): Promise<void> {
    const trusted = await readPublicKeys(keys, "MODEL_KEYS");
    await this.#waitForTurn(deadline);
    this.#forgetEnded();
    for (const resident of this.#residents) {
      if (resident.loaded.version !== published.version) continue;
      refuseOtherName(published, resident.loaded, trusted);
      place(resident);
      return;
    }
    const lease = this.#memory.lease("models");
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const load: Load = { startedAt: this.#now(), isDefault, lease, ended };
    this.#load = load;
    try {
      const loaded = await this.#read(published.version, source, trusted, lease, deadline);
      refuseOtherName(published, loaded, trusted);
      // What is given back must not stay in the engine's memory until the next load.
      const forget = (resident: ResidentModel): void => void this.#residents.delete(resident);
      this.#place(new ResidentModel(loaded, lease, this.#now, forget), place);
    } catch (error) {
      lease.end();
      throw error;
    } finally {
      if (this.#load === load) this.#load = null;
      end();
    }
  }

  #place(resident: ResidentModel, place: (resident: ResidentModel) => void): void {
    place(resident);
    // A later update may have come before.
    if (resident.endIfUnneeded()) return;
    this.#residents.add(resident);
    this.#counters.loaded++;
    const { version, blobBytes: bytes, scorer } = resident.loaded;
    logInfo("model_loaded", { model: scorer.manifest.spec.name, version, bytes });
  }

  /** Waits until no load is under way. One that takes too long is lost: its request may have been killed. */
  async #waitForTurn(deadline: Deadline): Promise<void> {
    while (this.#load) {
      const load = this.#load;
      const left = load.startedAt + LOAD_TIMEOUT_MS - this.#now();
      if (left > 0) await deadline.race(settledWithin(load.ended, left));
      if (this.#load !== load || this.#now() - load.startedAt < LOAD_TIMEOUT_MS) continue;
      load.lease.end();
      this.#load = null;
    }
  }

  /** Reads, checks and loads a version. Throws FormatError where a check fails. */
  async #read(
    version: string,
    source: Source,
    trusted: readonly PublicKey[],
    lease: Lease,
    deadline: Deadline,
  ): Promise<LoadedVersion> {
    const stream = await deadline.race(source.stream(blobKey(version)));
    if (stream === null) throw new FormatError("pointer", `got version ${version}, whose blob is missing`);
    const blob = await streamBlob(this.#kernel.module, stream, deadline, (bytes) => lease.resize(bytes + KERNEL_BYTES));
    // The kernel's `load` detaches the bytes, so what is wanted of them is taken before.
    const [signer, blobBytes] = [signerOf(blob.bytes), blob.bytes.length];
    const scorer = await loadModel(blob, version, trusted);
    const { memory } = blob.kernel;
    lease.resize(memory.buffer.byteLength + scorer.manifest.pageDigests.byteLength);
    const { variant } = this.#kernel;
    return { version, signer, blobBytes, scorer, memory, variant, loadedAt: this.#now() };
  }

  /**
   * Evicts models that are not the default and that no request uses, the one unused longest first, until so many bytes
   * are given back; none where all of them would not suffice. Those used a moment ago go for the default alone.
   */
  #evict(bytes: number): void {
    const before = this.#memory.report().taken.models;
    this.#forgetEnded();
    const wanted = bytes - (before - this.#memory.report().taken.models);
    const idleSince = this.#now() - (this.#load?.isDefault ? 0 : MODEL_IDLE_MS);
    const evictable = this.held()
      .filter((resident) => !resident.isDefault && !resident.isUsed && resident.usedAt <= idleSince)
      .sort((a, b) => a.usedAt - b.usedAt);
    if (evictable.reduce((sum, resident) => sum + resident.bytes, 0) < wanted) return;
    let given = 0;
    for (const resident of evictable) {
      if (given >= wanted) break;
      given += resident.bytes;
      const { version } = resident.loaded;
      logInfo("model_evicted", { version, bytes: resident.bytes, unusedMs: this.#now() - resident.usedAt });
      resident.evict();
      this.#counters.evicted++;
    }
    this.#forgetEnded();
  }

  #forgetEnded(): void {
    for (const resident of this.#residents) resident.endIfUnneeded();
  }
}

/** Bytes of the kernel's buffers for most models. Once they are laid out, their real size is counted. */
const KERNEL_BYTES = 2 ** 20;

/**
 * Refuses a version under a name that its blob does not have. Where models must be signed, the signature is of the
 * blob's name alone, and whoever can write to the store must not be able to give it another.
 */
function refuseOtherName(
  { key, model, isBlobsName }: Published,
  { version, scorer }: LoadedVersion,
  trusted: readonly PublicKey[],
): void {
  const { name } = scorer.manifest.spec;
  if (model === null || model === name || (!isBlobsName && trusted.length === 0)) return;
  const problem = `got ${show(model)}, expected ${show(name)} as in blob ${version}`;
  throw new FormatError(`${key}: model`, isBlobsName ? problem : `${problem}, which is signed`);
}
