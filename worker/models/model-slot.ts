import { FormatError, show } from "../../format/errors.ts";
import { signerOf } from "../../format/seal.ts";
import { type PublicKey, readPublicKeys } from "../../format/signature.ts";
import { blobKey, type PublishedPointer, pointerKey, readPointer } from "../../format/store.ts";
import type { Scorer } from "../../runtime/scorer.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import { ModelUnavailableError } from "../http/errors.ts";
import { logError, logInfo } from "../http/log.ts";
import { Deadline, type KeepAlive, settledWithin } from "../http/promises.ts";
import { readParts } from "../http/read-parts.ts";
import * as limits from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import type { Source } from "../source/source.ts";
import type { KernelModule } from "./kernel-modules.ts";
import { loadModel } from "./load-model.ts";
import { streamBlob } from "./stream-blob.ts";

/** Where the model comes from. */
export interface ModelOrigin {
  source: Source;
  /** Public keys, one of which must have signed it, as text; empty: none need have. */
  keys: string;
}

export interface LoadedModel {
  /** Its name. */
  model: string;
  /** What names its blob, 64 hex digits. */
  version: string;
  /** Id of the key that signed it, in hex; null where it is not signed. */
  signer: string | null;
  blobBytes: number;
  scorer: Scorer;
  variant: KernelVariant;
  /** Milliseconds since the epoch. */
  loadedAt: number;
}

/** A load that is under way. */
interface Load {
  /** The number of the load: a later one has a higher number. */
  generation: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** The memory of the model that it brings. */
  lease: Lease;
  /** Never rejects. */
  done: Promise<void>;
}

/** The model that serves, and its memory. */
interface Served {
  model: LoadedModel;
  lease: Lease;
  /** The load that brought it, or that found it to be still the one. */
  generation: number;
}

/**
 * The isolate's model: the one that the pointer names. The first request that needs it loads it. A newer one replaces
 * it in one assignment, once it has passed every check; until then, and if it fails one, the old one serves. A load
 * that a later one has overtaken changes nothing any more: what it read of the pointer is older.
 */
export class ModelStore {
  readonly #kernel: KernelModule;
  readonly #memory: MemoryBudget;
  readonly #now: () => number;
  #served: Served | null = null;
  #failure: { error: ModelUnavailableError; at: number; generation: number } | null = null;
  #loading: Load | null = null;
  #generations = 0;
  #pointerReadAt = 0;

  constructor(kernel: KernelModule, memory: MemoryBudget, now: () => number) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#now = now;
  }

  /** The model that serves at the moment; null if none does. */
  get serving(): LoadedModel | null {
    return this.#served?.model ?? null;
  }

  /** The model to score with. Throws ModelUnavailableError where there is none. */
  async current(origin: ModelOrigin, keepAlive: KeepAlive): Promise<LoadedModel> {
    const now = this.#now();
    if (this.#served) {
      if (now - this.#pointerReadAt >= limits.POINTER_MAX_AGE_MS) this.#load(origin, keepAlive);
      return this.#served.model;
    }
    if (this.#failure && now - this.#failure.at < limits.LOAD_RETRY_MS) throw this.#failure.error;
    this.#failure = null;
    // The load goes on when the wait ends. Another request may have begun it, and can be killed.
    await settledWithin(this.#load(origin, keepAlive), limits.LOAD_WAIT_MS);
    return this.#loaded();
  }

  #loaded(): LoadedModel {
    if (this.#served) return this.#served.model;
    throw this.#failure?.error ?? new ModelUnavailableError("the model is still loading");
  }

  /**
   * Begins a load, or joins the one under way. The promise never rejects, and the request that began it is kept alive
   * for it.
   */
  #load(origin: ModelOrigin, keepAlive: KeepAlive): Promise<void> {
    const startedAt = this.#now();
    if (this.#loading) {
      if (startedAt - this.#loading.startedAt < limits.LOAD_TIMEOUT_MS) return this.#loading.done;
      // Its request may have been killed, and then nothing of it ever ends.
      this.#loading.lease.end();
    }
    const generation = ++this.#generations;
    const lease = this.#memory.lease("models");
    const load: Load = { generation, startedAt, lease, done: this.#update(origin, generation, lease) };
    this.#loading = load;
    const done = load.done.finally(() => {
      if (this.#loading === load) this.#loading = null;
    });
    keepAlive(done);
    return done;
  }

  async #update({ source, keys }: ModelOrigin, generation: number, lease: Lease): Promise<void> {
    this.#pointerReadAt = this.#now();
    try {
      using deadline = new Deadline(limits.LOAD_TIMEOUT_MS, tooSlow);
      const pointer = await readPointerOf(source, deadline);
      const serving = this.#served?.model;
      if (serving && pointer.version === serving.version) {
        refuseOtherName(pointer, serving);
        this.#place(serving, null, generation);
      } else {
        const trusted = await readPublicKeys(keys, "MODEL_KEYS");
        const loaded = await this.#read(pointer.version, source, trusted, lease, deadline);
        refuseOtherName(pointer, loaded);
        this.#place(loaded, lease, generation);
      }
    } catch (error) {
      lease.end();
      logError("model_load_failed", error, { serving: this.#served?.model.version ?? null });
      if (generation > (this.#failure?.generation ?? 0))
        this.#failure = { error: unavailable(error), at: this.#now(), generation };
    }
  }

  /** Makes a model the one that serves, unless a later load did so before. `lease`: null if it serves already. */
  #place(model: LoadedModel, lease: Lease | null, generation: number): void {
    const before = this.#served;
    if (before && before.generation > generation) {
      lease?.end();
      logInfo("model_load_overtaken", { version: model.version, serving: before.model.version });
      return;
    }
    if (before && (lease === null || before.model.version === model.version)) {
      lease?.end();
      before.generation = generation;
      return;
    }
    if (lease === null) return;
    this.#served = { model, lease, generation };
    before?.lease.end();
    logInfo("model_loaded", { model: model.model, version: model.version, bytes: model.blobBytes });
  }

  /** Reads, checks and loads the model of a version. Throws FormatError where a check fails. */
  async #read(
    version: string,
    source: Source,
    trusted: readonly PublicKey[],
    lease: Lease,
    deadline: Deadline,
  ): Promise<LoadedModel> {
    const stream = await deadline.race(source.stream(blobKey(version)));
    if (stream === null) throw new FormatError("pointer", `got version ${version}, whose blob is missing`);
    const blob = await streamBlob(this.#kernel.module, stream, deadline, (bytes) => lease.resize(bytes + KERNEL_BYTES));
    // The kernel's `load` detaches the bytes, so what is wanted of them is taken before.
    const [signer, blobBytes] = [signerOf(blob.bytes), blob.bytes.length];
    const scorer = await loadModel(blob, version, trusted);
    lease.resize(blob.kernel.memory.buffer.byteLength + scorer.manifest.pageDigests.byteLength);
    const { variant } = this.#kernel;
    return { model: scorer.manifest.spec.name, version, signer, blobBytes, scorer, variant, loadedAt: this.#now() };
  }
}

/** Bytes of the kernel's buffers for most models. Once they are laid out, their real size is counted. */
const KERNEL_BYTES = 2 ** 20;

/** Bytes of the pointer at most: it has a name of 128 characters and a version. */
const MAX_POINTER_BYTES = 4096;

async function readPointerOf(source: Source, deadline: Deadline): Promise<PublishedPointer> {
  const stream = await deadline.race(source.stream(pointerKey()));
  if (stream === null) throw new ModelUnavailableError("no model is published");
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of readParts(stream, MAX_POINTER_BYTES, deadline)) {
    text += decoder.decode(part, { stream: true });
    if (text.length > MAX_POINTER_BYTES)
      throw new FormatError("pointer", `got more than ${MAX_POINTER_BYTES} bytes, expected at most that many`);
  }
  return readPointer(text + decoder.decode());
}

function tooSlow(): Error {
  return new Error(`the model was not there after ${limits.LOAD_TIMEOUT_MS / 1000} s`);
}

function refuseOtherName(pointer: PublishedPointer, { model, version }: LoadedModel): void {
  if (pointer.model !== null && pointer.model !== model)
    throw new FormatError(
      "pointer: model",
      `got ${show(pointer.model)}, expected ${show(model)} as in blob ${version}`,
    );
}

function unavailable(error: unknown): ModelUnavailableError {
  if (error instanceof ModelUnavailableError) return error;
  return new ModelUnavailableError("the published model cannot be loaded; the log says why", { cause: error });
}
