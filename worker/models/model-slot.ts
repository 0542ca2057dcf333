import { FormatError } from "../../format/errors.ts";
import { signerOf } from "../../format/seal.ts";
import { readPublicKeys } from "../../format/signature.ts";
import { blobKey, pointerKey, readPointer } from "../../format/store.ts";
import type { Scorer } from "../../runtime/scorer.ts";
import type { KernelVariant } from "../../runtime/variant.ts";
import { ModelUnavailableError } from "../http/errors.ts";
import { logError, logInfo } from "../http/log.ts";
import { type KeepAlive, settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import type { KernelModule } from "./kernel-modules.ts";
import { loadModel } from "./load-model.ts";
import { streamBlob } from "./stream-blob.ts";

/** Where models are, and whose are trusted. */
export type ModelBindings = Pick<Env, "MODELS" | "MODEL_KEYS">;

export interface LoadedModel {
  /** The blob's name, in hex. */
  hash: string;
  /** Id of the key that signed it, in hex; null where it is not signed. */
  signer: string | null;
  blobBytes: number;
  scorer: Scorer;
  variant: KernelVariant;
  /** Milliseconds since the epoch. */
  loadedAt: number;
}

/**
 * The isolate's model: the one that the pointer in KV names. It is loaded by the first request that needs it, and
 * replaced in one assignment once a newer one has passed every check; until then, and if it fails one, the old serves.
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
  async current(env: ModelBindings, keepAlive: KeepAlive): Promise<LoadedModel> {
    const now = this.#now();
    if (this.#model) {
      if (now - this.#pointerReadAt >= limits.POINTER_MAX_AGE_MS) this.#load(env, keepAlive);
      return this.#model;
    }
    if (this.#failure && now - this.#failure.at < limits.LOAD_RETRY_MS) throw this.#failure.error;
    this.#failure = null;
    // The load may belong to another request, which can be killed: so the wait has an end.
    await settledWithin(this.#load(env, keepAlive), limits.LOAD_TIMEOUT_MS);
    return this.#model ?? this.#fail();
  }

  #fail(): never {
    throw this.#failure?.error ?? new ModelUnavailableError("the model is still loading");
  }

  /** Begins a load, or joins the one under way. The promise never rejects, and its request is kept alive for it. */
  #load(env: ModelBindings, keepAlive: KeepAlive): Promise<void> {
    const startedAt = this.#now();
    if (this.#loading && startedAt - this.#loading.startedAt < limits.LOAD_TIMEOUT_MS) return this.#loading.done;
    const loading = { startedAt, done: this.#update(env) };
    this.#loading = loading;
    const done = loading.done.finally(() => {
      if (this.#loading === loading) this.#loading = null;
    });
    keepAlive(done);
    return done;
  }

  async #update(env: ModelBindings): Promise<void> {
    this.#pointerReadAt = this.#now();
    try {
      const hash = await readModelPointer(env.MODELS);
      if (hash === this.#model?.hash) return;
      const trusted = await readPublicKeys(env.MODEL_KEYS, "MODEL_KEYS");
      const blob = await streamBlob(this.#kernel.module, await findBlob(env.MODELS, hash));
      const [signer, blobBytes] = [signerOf(blob.bytes), blob.bytes.length];
      const scorer = await loadModel(blob, hash, trusted);
      this.#model = {
        hash,
        signer,
        blobBytes,
        scorer,
        variant: this.#kernel.variant,
        loadedAt: this.#now(),
      };
      logInfo("model_loaded", { model: hash, name: scorer.manifest.spec.name, bytes: blobBytes });
    } catch (error) {
      logError("model_load_failed", error, { serving: this.#model?.hash ?? null });
      this.#failure = { error: unavailable(error), at: this.#now() };
    }
  }
}

async function readModelPointer(kv: KVNamespace): Promise<string> {
  const text = await kv.get(pointerKey(), { type: "text", cacheTtl: limits.KV_MIN_CACHE_SECONDS });
  if (text === null) throw new ModelUnavailableError("no model is published");
  return readPointer(text).model;
}

async function findBlob(kv: KVNamespace, hash: string): Promise<ReadableStream> {
  const key = blobKey(hash);
  const read = (cacheTtl: number): Promise<ReadableStream | null> => kv.get(key, { type: "stream", cacheTtl });
  // KV may have cached the key's absence from before the blob was published; the short cacheTtl makes it look again.
  const stream = (await read(limits.IMMUTABLE_CACHE_SECONDS)) ?? (await read(limits.KV_MIN_CACHE_SECONDS));
  if (stream === null) throw new ModelUnavailableError(`the pointer names model ${hash}, whose blob is missing`);
  return stream;
}

function unavailable(error: unknown): ModelUnavailableError {
  if (error instanceof ModelUnavailableError) return error;
  // A FormatError speaks of the model's bytes, which a client may know; anything else may speak of internals.
  const why = error instanceof FormatError ? error.message : "the model store cannot be read";
  return new ModelUnavailableError(`the published model cannot be loaded: ${why}`, { cause: error });
}
