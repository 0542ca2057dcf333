import { FormatError, show } from "../../format/errors.ts";
import { signerOf } from "../../format/seal.ts";
import { readPublicKeys } from "../../format/signature.ts";
import { blobKey, type PublishedPointer, pointerKey, readPointer } from "../../format/store.ts";
import type { Scorer } from "../../runtime/scorer.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import { ModelUnavailableError } from "../http/errors.ts";
import { logError, logInfo } from "../http/log.ts";
import { type KeepAlive, settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
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

/**
 * The isolate's model: the one that the pointer names. The first request that needs it loads it. A newer one replaces
 * it in one assignment, once it has passed every check; until then, and if it fails one, the old one serves.
 */
export class ModelStore {
  readonly #kernel: KernelModule;
  readonly #now: () => number;
  #model: LoadedModel | null = null;
  #failure: { error: ModelUnavailableError; at: number } | null = null;
  #loading: { done: Promise<void>; startedAt: number } | null = null;
  #pointerReadAt = 0;

  constructor(kernel: KernelModule, now: () => number) {
    this.#kernel = kernel;
    this.#now = now;
  }

  /** The model to score with. Throws ModelUnavailableError where there is none. */
  async current(origin: ModelOrigin, keepAlive: KeepAlive): Promise<LoadedModel> {
    const now = this.#now();
    if (this.#model) {
      if (now - this.#pointerReadAt >= limits.POINTER_MAX_AGE_MS) this.#load(origin, keepAlive);
      return this.#model;
    }
    if (this.#failure && now - this.#failure.at < limits.LOAD_RETRY_MS) throw this.#failure.error;
    this.#failure = null;
    // Another request may have begun the load, and can be killed; so the wait has an end.
    await settledWithin(this.#load(origin, keepAlive), limits.LOAD_TIMEOUT_MS);
    return this.#model ?? this.#fail();
  }

  #fail(): never {
    throw this.#failure?.error ?? new ModelUnavailableError("the model is still loading");
  }

  /**
   * Begins a load, or joins the one under way. The promise never rejects, and the request that began it is kept alive
   * for it.
   */
  #load(origin: ModelOrigin, keepAlive: KeepAlive): Promise<void> {
    const startedAt = this.#now();
    if (this.#loading && startedAt - this.#loading.startedAt < limits.LOAD_TIMEOUT_MS) return this.#loading.done;
    const loading = { startedAt, done: this.#update(origin) };
    this.#loading = loading;
    const done = loading.done.finally(() => {
      if (this.#loading === loading) this.#loading = null;
    });
    keepAlive(done);
    return done;
  }

  async #update(origin: ModelOrigin): Promise<void> {
    this.#pointerReadAt = this.#now();
    try {
      const pointer = await findPointer(origin.source);
      if (pointer.version === this.#model?.version) return refuseOtherName(pointer, this.#model);
      const loaded = await this.#read(pointer.version, origin);
      refuseOtherName(pointer, loaded);
      this.#model = loaded;
      const { model, version, blobBytes } = loaded;
      logInfo("model_loaded", { model, version, bytes: blobBytes });
    } catch (error) {
      logError("model_load_failed", error, { serving: this.#model?.version ?? null });
      this.#failure = { error: unavailable(error), at: this.#now() };
    }
  }

  /** Reads, checks and loads the model of a version. Throws FormatError where a check fails. */
  async #read(version: string, { source, keys }: ModelOrigin): Promise<LoadedModel> {
    const trusted = await readPublicKeys(keys, "MODEL_KEYS");
    const blob = await streamBlob(this.#kernel.module, await findBlob(source, version));
    // The kernel's `load` detaches the bytes, so what is wanted of them is taken before.
    const [signer, blobBytes] = [signerOf(blob.bytes), blob.bytes.length];
    const scorer = await loadModel(blob, version, trusted);
    const { variant } = this.#kernel;
    return { model: scorer.manifest.spec.name, version, signer, blobBytes, scorer, variant, loadedAt: this.#now() };
  }
}

async function findPointer(source: Source): Promise<PublishedPointer> {
  const stream = await source.stream(pointerKey());
  if (stream === null) throw new ModelUnavailableError("no model is published");
  return readPointer(await new Response(stream).text());
}

async function findBlob(source: Source, version: string): Promise<ReadableStream> {
  const stream = await source.stream(blobKey(version));
  if (stream === null) throw new FormatError("pointer", `got version ${version}, whose blob is missing`);
  return stream;
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
