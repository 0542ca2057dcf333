import { FormatError } from "../format/errors.ts";
import { checkGolden } from "../format/golden.ts";
import type { KernelVariant } from "../format/kernel.ts";
import { Scorer } from "../format/scorer.ts";
import { signerOf, verifyBlob } from "../format/seal.ts";
import { readPublicKeys } from "../format/signature.ts";
import { blobKey, pointerKey, readPointer } from "../format/store.ts";
import { ModelUnavailableError } from "./errors.ts";
import type { KernelModule } from "./kernel-modules.ts";
import * as limits from "./limits.ts";
import { logError, logInfo } from "./log.ts";
import { type KeepAlive, settledWithin } from "./promises.ts";

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
      const blob = await readModelBlob(env, hash);
      const scorer = new Scorer(this.#kernel.module, blob);
      checkGolden(scorer);
      this.#model = {
        hash,
        signer: signerOf(blob),
        blobBytes: blob.byteLength,
        scorer,
        variant: this.#kernel.variant,
        loadedAt: this.#now(),
      };
      logInfo("model_loaded", { model: hash, name: scorer.manifest.spec.name, bytes: blob.byteLength });
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

async function readModelBlob({ MODELS: kv, MODEL_KEYS: keys }: ModelBindings, hash: string): Promise<Uint8Array> {
  const key = blobKey(hash);
  const read = (cacheTtl: number): Promise<ArrayBuffer | null> => kv.get(key, { type: "arrayBuffer", cacheTtl });
  // KV may have cached the key's absence from before the blob was published; the short cacheTtl makes it look again.
  const buffer = (await read(limits.IMMUTABLE_CACHE_SECONDS)) ?? (await read(limits.KV_MIN_CACHE_SECONDS));
  if (buffer === null) throw new ModelUnavailableError(`the pointer names model ${hash}, whose blob is missing`);
  const blob = new Uint8Array(buffer);
  const got = await verifyBlob(blob, await readPublicKeys(keys, "MODEL_KEYS"));
  if (got !== hash) throw new FormatError("blob", `got the name ${got}, expected ${hash}`);
  return blob;
}

function unavailable(error: unknown): ModelUnavailableError {
  if (error instanceof ModelUnavailableError) return error;
  // A FormatError speaks of the model's bytes, which a client may know; anything else may speak of internals.
  const why = error instanceof FormatError ? error.message : "the model store cannot be read";
  return new ModelUnavailableError(`the published model cannot be loaded: ${why}`, { cause: error });
}
