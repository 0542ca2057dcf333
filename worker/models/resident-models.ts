import { BLOB_PART_BYTES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { serialOf, signerOf } from "../../format/seal.ts";
import { type PublicKey, readPublicKeys } from "../../format/signature.ts";
import { blobKey, blobPartKeys } from "../../format/store.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { logInfo } from "../http/log.ts";
import { Deadline, settledWithin } from "../http/promises.ts";
import { BUNDLED_TIMEOUT_MS, LOAD_TIMEOUT_MS, MODEL_IDLE_MS } from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import type { LoadCounters } from "../metrics/load-counters.ts";
import type { Source } from "../source/source.ts";
import type { BundledBlob } from "./bundled.ts";
import { Judge, type Trust } from "./judge.ts";
import type { KernelModule } from "./kernel-modules.ts";
import { loadModel } from "./load-model.ts";
import type { LoadedVersion } from "./loaded-model.ts";
import type { Published } from "./published.ts";
import { ResidentModel } from "./resident-model.ts";
import { Serials } from "./serials.ts";
import { type BlobParts, streamBlob } from "./stream-blob.ts";

/** Where models come from. */
export interface ModelOrigin extends Trust {
  source: Source;
  /** The model that was deployed with the Worker; null: there is none. */
  bundled: BundledBlob | null;
}

/** What a version is loaded for. */
export interface LoadPurpose {
  /** Whether it is to be the default model, for which others go that were used just now. */
  isDefault: boolean;
  /** Whether it replaces a version that serves, and so is to have its hottest pages at hand first. */
  replaces: boolean;
}

/** Reads a version's hottest pages, as far as they are soon there. Returns how many are, and how many are not. */
export type WarmRows = (
  version: LoadedVersion,
  source: Source,
  keepAlive: KeepAlive,
) => Promise<{ there: number; missing: number }>;

/** Says who holds a version. Returns false where it comes too late for anyone. */
type Place = (resident: ResidentModel) => boolean;

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
  readonly #warmRows: WarmRows;
  readonly #serials = new Serials();
  /** Versions whose blob was missing or broken when it was read last. */
  readonly #broken = new Set<string>();
  #load: Load | null = null;

  constructor(
    kernel: KernelModule,
    memory: MemoryBudget,
    warmRows: WarmRows,
    counters: LoadCounters,
    now: () => number,
  ) {
    this.#kernel = kernel;
    this.#warmRows = warmRows;
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
    origin: ModelOrigin,
    { isDefault, replaces }: LoadPurpose,
    { deadline, keepAlive }: { deadline: Deadline; keepAlive: KeepAlive },
    place: Place,
  ): Promise<void> {
    const judge = await Judge.of(published, origin, this.#serials);
    const placeAllowed: Place = (resident) => {
      judge.check(resident.loaded);
      const isPlaced = place(resident);
      if (isPlaced) judge.accept(resident.loaded);
      return isPlaced;
    };
    while (this.#load) await this.#waitFor(this.#load, deadline);
    this.#forgetEnded();
    for (const resident of this.#residents) {
      if (resident.loaded.version !== published.version) continue;
      placeAllowed(resident);
      return;
    }
    const { source } = origin;
    const read = async (lease: Lease): Promise<LoadedVersion> => {
      const loaded = await this.#readFrom(source, published.version, judge.trusted, lease, deadline);
      judge.check(loaded);
      if (replaces) await this.#warm(loaded, source, keepAlive);
      return loaded;
    };
    await this.#inTurn(isDefault, read, placeAllowed);
  }

  /**
   * Loads the model that was deployed with the Worker, as the default one, and gives it to `place`. Without one it does
   * nothing. Throws as `load` does.
   */
  async loadBundled(
    open: BundledBlob,
    { keys, leastSerials }: ModelOrigin,
    deadline: Deadline,
    place: Place,
  ): Promise<void> {
    const trusted = await readPublicKeys(keys, "MODEL_KEYS");
    while (this.#load) await this.#waitFor(this.#load, deadline);
    const read = async (lease: Lease): Promise<LoadedVersion | null> => {
      using soon = new Deadline(BUNDLED_TIMEOUT_MS, () => new Error(`got no asset in ${BUNDLED_TIMEOUT_MS} ms`));
      const stream = await soon.race(open());
      return stream && (await this.#read(null, stream, trusted, lease, soon));
    };
    await this.#inTurn(true, read, (resident) => {
      if (trusted.length === 0) return place(resident);
      const { version, serial, scorer } = resident.loaded;
      const vouched = { model: scorer.manifest.spec.name, version, serial };
      this.#serials.checkLeast(vouched, leastSerials.get(vouched.model) ?? 0, "the bundled model");
      this.#serials.check(vouched, "the bundled model");
      const isPlaced = place(resident);
      if (isPlaced) this.#serials.accept(vouched);
      return isPlaced;
    });
  }

  /** Loads a version in its turn; null: there is none. Its memory is given back where that fails. */
  async #inTurn(
    isDefault: boolean,
    read: (lease: Lease) => Promise<LoadedVersion | null>,
    place: Place,
  ): Promise<void> {
    const lease = this.#memory.lease("models");
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const load: Load = { startedAt: this.#now(), isDefault, lease, ended };
    this.#load = load;
    try {
      const loaded = await read(lease);
      // What is given back must not stay in the engine's memory until the next load.
      const forget = (resident: ResidentModel): void => void this.#residents.delete(resident);
      if (loaded) this.#place(new ResidentModel(loaded, lease, this.#now, forget), place);
      else lease.end();
    } catch (error) {
      lease.end();
      throw error;
    } finally {
      if (this.#load === load) this.#load = null;
      end();
    }
  }

  #place(resident: ResidentModel, place: Place): void {
    place(resident);
    // A later update may have come before.
    if (resident.endIfUnneeded()) return;
    this.#residents.add(resident);
    this.#counters.loaded++;
    const { version, blobBytes: bytes, scorer } = resident.loaded;
    logInfo("model_loaded", { model: scorer.manifest.spec.name, version, bytes });
  }

  /** Has a version's hottest pages read before it serves. That they are not there in time is no fault. */
  async #warm(loaded: LoadedVersion, source: Source, keepAlive: KeepAlive): Promise<void> {
    const { there, missing } = await this.#warmRows(loaded, source, keepAlive);
    this.#counters.warmed += there;
    this.#counters.unwarmed += missing;
  }

  /**
   * Waits until a load is no longer under way. One that takes too long is lost: its request may have been killed. All
   * who wait for it go on then, and one of them begins another load, which the others wait for in their turn.
   */
  async #waitFor(load: Load, deadline: Deadline): Promise<void> {
    const left = load.startedAt + LOAD_TIMEOUT_MS - this.#now();
    if (left > 0) await deadline.race(settledWithin(load.ended, left));
    if (this.#load !== load || this.#now() - load.startedAt < LOAD_TIMEOUT_MS) return;
    load.lease.end();
    this.#load = null;
  }

  /** Reads a version of a source. Throws FormatError where its blob is missing, or a check fails. */
  async #readFrom(
    source: Source,
    version: string,
    trusted: readonly PublicKey[],
    lease: Lease,
    deadline: Deadline,
  ): Promise<LoadedVersion> {
    const again = this.#broken.has(version);
    const open = (key: string): Promise<ReadableStream | null> => source.stream(key, again);
    try {
      const stream = await deadline.race(open(blobKey(version)));
      if (stream === null) throw new FormatError("pointer", `got version ${version}, whose blob is missing`);
      const parts: BlobParts = {
        bytes: BLOB_PART_BYTES,
        rest: (length) => blobPartKeys(version, length).slice(1).map(open),
        base: (base, length) => blobPartKeys(base, length).map(open),
      };
      const loaded = await this.#read(version, stream, trusted, lease, deadline, parts);
      this.#broken.delete(version);
      return loaded;
    } catch (error) {
      if (error instanceof FormatError) this.#broken.add(version);
      throw error;
    }
  }

  /** Checks and loads a version; null: whichever it is. Throws FormatError where a check fails. */
  async #read(
    asked: string | null,
    stream: ReadableStream,
    trusted: readonly PublicKey[],
    lease: Lease,
    deadline: Deadline,
    parts?: BlobParts,
  ): Promise<LoadedVersion> {
    const reserve = (bytes: number): void => lease.resize(bytes + KERNEL_BYTES);
    const blob = await streamBlob(this.#kernel.module, stream, deadline, reserve, parts);
    // The kernel's `load` detaches the bytes, so what is wanted of them is taken before.
    const { bytes } = blob;
    const about = { signer: signerOf(bytes), serial: serialOf(bytes), blobBytes: bytes.length };
    const { version, scorer } = await loadModel(blob, asked, trusted);
    const { memory } = blob.kernel;
    lease.resize(memory.buffer.byteLength + scorer.manifest.pageDigests.byteLength);
    const { variant } = this.#kernel;
    return { version, ...about, scorer, memory, variant, loadedAt: this.#now() };
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
