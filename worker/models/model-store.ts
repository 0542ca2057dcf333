import { ModelUnavailableError, RateLimitError } from "../http/errors.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import * as limits from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import { noFallbacks } from "../metrics/fallback-counters.ts";
import { type LoadCounters, noLoads } from "../metrics/load-counters.ts";
import type { Charge } from "../rows/key-allowance.ts";
import type { KernelModule } from "./kernel-modules.ts";
import type { LoadedModel } from "./loaded-model.ts";
import { readReference } from "./model-reference.ts";
import { ModelSlot, type SlotContext } from "./model-slot.ts";
import { readDefaultModel, readNamedModel } from "./published.ts";
import { type ModelOrigin, ResidentModels, type WarmRows } from "./resident-models.ts";

/** How a request comes to its model. */
export interface ModelAccess extends ModelOrigin {
  keepAlive: KeepAlive;
  /** Null: nothing limits the client. */
  charge: Charge | null;
  /** The request's memory: until it ends, the model is not evicted. */
  lease: Lease;
}

/** What serves under one name, or does not, and why. */
export interface ModelStatus {
  /** As requests name it; null: they name none. */
  reference: string | null;
  serving: LoadedModel | null;
  /** What the last look at the store, or the last load, failed with. */
  failure: Error | null;
}

/**
 * The isolate's models: the default one, and the models and versions that requests have named. Each is loaded by the
 * first request that needs it, and then follows its pointer in the background; of a version, the deadline alone does.
 */
export class ModelStore {
  readonly counters: LoadCounters = noLoads();
  readonly fallbacks = noFallbacks();
  readonly #context: SlotContext;
  readonly #default: ModelSlot;
  /** By reference, in the order in which requests first named them. */
  readonly #slots = new Map<string, ModelSlot>();

  constructor(kernel: KernelModule, memory: MemoryBudget, warmRows: WarmRows, now: () => number) {
    const { counters } = this;
    const residents = new ResidentModels(kernel, memory, warmRows, counters, now);
    this.#context = {
      ...{ residents, counters, now },
      onSwitched: (by, published, resident) => {
        for (const slot of [this.#default, ...this.#slots.values()]) if (slot !== by) slot.follow(published, resident);
      },
      newest: new Map(),
    };
    this.#default = new ModelSlot({ reference: null, follows: true, read: readDefaultModel }, this.#context);
  }

  /** The default model that serves at the moment; null if none does. */
  get serving(): LoadedModel | null {
    return this.#default.serving;
  }

  /**
   * The load under way in an isolate that has no model yet, to wait for before a request takes memory. It may never
   * settle. Null where there is a model, or nothing to wait for.
   */
  get firstLoad(): Promise<void> | null {
    if (this.#default.serving !== null || this.counters.loaded > 0) return null;
    for (const slot of [this.#default, ...this.#slots.values()]) if (slot.usable) return slot.usable;
    return null;
  }

  /** The default model. Throws ModelUnavailableError where there is none. */
  current(origin: ModelOrigin, keepAlive: KeepAlive): Promise<LoadedModel> {
    return this.#default.current(origin, keepAlive, limits.LOAD_WAIT_MS);
  }

  /** What serves requests that name a model, or none, at the moment; null if nothing does. */
  servingFor(reference: string | null): LoadedModel | null {
    return (reference === null ? this.#default : this.#slots.get(reference))?.serving ?? null;
  }

  /**
   * As `use`, where it serves already; null where the request would have to wait for it. Nothing is awaited, as this is
   * on the way of every request.
   */
  ready(reference: string | null, access: ModelAccess): LoadedModel | null {
    const slot = reference === null ? this.#default : this.#slots.get(reference);
    const model = slot?.ready(access, access.keepAlive) ?? null;
    if (model) slot?.resident?.use(access.lease);
    return model;
  }

  /**
   * The model that a request names, or the default model for null, which is the request's until its lease ends. Throws
   * ModelUnavailableError where it is not loaded after `waitMs`, UnknownModelError where there is none, and
   * RateLimitError where the client may not have the store asked for it.
   */
  async use(reference: string | null, access: ModelAccess, waitMs: number): Promise<LoadedModel> {
    const slot = reference === null ? this.#default : this.#slotOf(reference);
    if (reference !== null && slot.isCold && access.charge && !(await access.charge(1)))
      throw new RateLimitError("got more names of models than this client may look up in a minute; try again later");
    try {
      const model = await slot.current(access, access.keepAlive, waitMs);
      return this.ready(reference, access) ?? model;
    } catch (error) {
      const serving = error instanceof ModelUnavailableError ? this.#defaultNamed(reference, access) : null;
      if (serving) return serving;
      throw error;
    }
  }

  /** The default model, where it is the very one that a request names: what that name leads to cannot be read. */
  #defaultNamed(reference: string | null, access: ModelAccess): LoadedModel | null {
    const { model = null, version = null } = this.#default.serving ?? {};
    const isNamed = reference !== null && (reference === model || reference === `${model}@${version}`);
    return isNamed ? this.ready(null, access) : null;
  }

  /** What serves, the default model first, and what fails to. Names that nothing is published under are not there. */
  status(): ModelStatus[] {
    return [this.#default, ...this.#slots.values()]
      .filter(({ serving, failure }) => serving !== null || failure instanceof ModelUnavailableError)
      .map(({ reference, serving, failure }) => ({ reference, serving, failure }));
  }

  #slotOf(text: string): ModelSlot {
    const slot = this.#slots.get(text);
    if (slot) return slot;
    this.#makeRoom();
    const reference = readReference(text);
    const made = new ModelSlot(
      {
        reference: text,
        follows: reference.version === null,
        read: (source, deadline, serves) => readNamedModel(source, reference, deadline, serves),
      },
      this.#context,
    );
    this.#slots.set(text, made);
    return made;
  }

  /** Names that lead to nothing are forgotten, the oldest first. */
  #makeRoom(): void {
    for (const [text, slot] of this.#slots) {
      if (this.#slots.size < limits.MAX_MODELS_REMEMBERED) return;
      if (slot.serving === null && !slot.isUpdating) this.#slots.delete(text);
    }
  }
}
