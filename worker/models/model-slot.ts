import { ModelUnavailableError, UnknownModelError } from "../http/errors.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { errorText, logError, logInfo } from "../http/log.ts";
import { Deadline, settledWithin } from "../http/promises.ts";
import * as limits from "../limits.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import type { LoadCounters } from "../metrics/load-counters.ts";
import type { BundledBlob } from "./bundled.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { Published, ReadPublished } from "./published.ts";
import type { Holder, ResidentModel } from "./resident-model.ts";
import type { ModelOrigin, ResidentModels } from "./resident-models.ts";

/** A look at the store that is under way, and the load that follows from it. */
interface Update {
  /** Its number: a later one has a higher number. */
  generation: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** Never rejects. */
  done: Promise<void>;
  /** Resolves once something serves, which may be the bundled model, and with `done` at the latest. */
  usable: Promise<void>;
}

/** What serves. */
interface Served {
  model: LoadedModel;
  resident: ResidentModel;
  /** The update that brought it, or that found it to be still the one. */
  generation: number;
}

/** What slots of an isolate share. */
export interface SlotContext {
  residents: ResidentModels;
  counters: LoadCounters;
  now: () => number;
  /** Told when a slot follows a newer pointer than before, for others that follow the same. */
  onSwitched: (slot: ModelSlot, published: Published, resident: ResidentModel) => void;
  /** By a model's name: the newest pointer that a slot has followed, which is known when nothing serves any more. */
  newest: Map<string, Published>;
}

/** How a slot finds its version. */
export interface SlotOptions {
  /** How requests name it, for the log; null: they name none. */
  reference: string | null;
  /** Whether its version may change. One that requests name never does, but its model's deadline. */
  follows: boolean;
  read: ReadPublished;
}

/**
 * A place for the version that one name leads to. The first request that needs it loads it. A newer one replaces it in
 * one assignment, once it has passed every check; until then, and if it fails one, the old one serves. An update that a
 * later one has overtaken changes nothing any more: what it read of the store is older.
 */
export class ModelSlot implements Holder {
  readonly reference: string | null;
  readonly follows: boolean;
  readonly #read: ReadPublished;
  readonly #context: SlotContext;
  #served: Served | null = null;
  #failure: { error: ModelUnavailableError | UnknownModelError; at: number; generation: number } | null = null;
  #updating: Update | null = null;
  #generations = 0;
  #readAt = 0;

  constructor({ reference, follows, read }: SlotOptions, context: SlotContext) {
    this.reference = reference;
    this.follows = follows;
    this.#read = read;
    this.#context = context;
  }

  get isDefault(): boolean {
    return this.reference === null;
  }

  /** What serves at the moment; null if nothing does. */
  get serving(): LoadedModel | null {
    return this.#served?.model ?? null;
  }

  get resident(): ResidentModel | null {
    return this.#served?.resident ?? null;
  }

  /** Why the last update failed; null where it did not. */
  get failure(): ModelUnavailableError | UnknownModelError | null {
    return this.#failure?.error ?? null;
  }

  /** Whether an update is under way. */
  get isUpdating(): boolean {
    return this.#updating !== null;
  }

  /** Until when to wait for the update under way to bring something that serves. It may never settle. */
  get usable(): Promise<void> | null {
    return this.#updating?.usable ?? null;
  }

  /** Whether a request would have to look at the store first. */
  get isCold(): boolean {
    return this.#served === null && !this.#failedJustNow(this.#context.now());
  }

  /** What serves, or null. Where it was read of the store long ago, it is read again in the background. */
  ready(origin: ModelOrigin, keepAlive: KeepAlive): LoadedModel | null {
    if (!this.#served) return null;
    const { model } = this.#served;
    // In place of the bundled model the published one is wanted as soon as may be.
    const maxAge = model.bundled ? limits.LOAD_RETRY_MS : limits.POINTER_MAX_AGE_MS;
    if (this.#context.now() - this.#readAt >= maxAge) this.#update(origin, keepAlive);
    return model;
  }

  /**
   * What to score with, after `waitMs` at most. Throws ModelUnavailableError where it cannot be had now, and
   * UnknownModelError where the store has no such model.
   */
  async current(origin: ModelOrigin, keepAlive: KeepAlive, waitMs: number): Promise<LoadedModel> {
    const ready = this.ready(origin, keepAlive);
    if (ready) return ready;
    const now = this.#context.now();
    if (this.#failure && this.#failedJustNow(now)) throw this.#failure.error;
    this.#failure = null;
    // The update goes on when the wait ends. Another request may have begun it, and can be killed.
    await settledWithin(this.#update(origin, keepAlive).usable, waitMs);
    return this.#loaded();
  }

  forget(resident: ResidentModel): void {
    if (this.#served?.resident === resident) this.#served = null;
  }

  /** Takes over what another slot has read of the same pointer, and the version that it led to. */
  follow(published: Published, resident: ResidentModel): void {
    if (!this.#served || published.model !== this.#served.model.model || !this.follows) return;
    if (!isNewer(published, this.#served.model)) return;
    this.#readAt = this.#context.now();
    this.#serve(published, resident, this.#served.generation);
  }

  /**
   * What the store says or, where it has said something newer of the same model before, that: under any name, and also
   * where that version had to make room since.
   */
  #newestOf(published: Published): Published {
    const newest = this.#context.newest.get(published.model ?? "");
    const isOlder = newest !== undefined && published.since !== null && published.since < (newest.since ?? 0);
    return isOlder ? newest : published;
  }

  #failedJustNow(now: number): boolean {
    return this.#failure !== null && now - this.#failure.at < limits.LOAD_RETRY_MS;
  }

  #loaded(): LoadedModel {
    if (this.#served) return this.#served.model;
    throw this.#failure?.error ?? new ModelUnavailableError(`${this.#what} is still loading`);
  }

  /** How it is called in messages. */
  get #what(): string {
    return this.reference === null ? "the model" : `the model ${this.reference}`;
  }

  /** Begins an update, or joins the one under way. The request that began it is kept alive for it. */
  #update(origin: ModelOrigin, keepAlive: KeepAlive): Update {
    const startedAt = this.#context.now();
    if (this.#updating && startedAt - this.#updating.startedAt < limits.LOAD_TIMEOUT_MS) return this.#updating;
    const generation = ++this.#generations;
    const { promise: usable, resolve: onUsable } = Promise.withResolvers<void>();
    const done = this.#readAndLoad(origin, keepAlive, generation, onUsable).finally(() => {
      if (this.#updating === update) this.#updating = null;
      onUsable();
    });
    const update: Update = { generation, startedAt, done, usable };
    this.#updating = update;
    keepAlive(done);
    return update;
  }

  async #readAndLoad(
    origin: ModelOrigin,
    keepAlive: KeepAlive,
    generation: number,
    onUsable: () => void,
  ): Promise<void> {
    const { residents, counters, now } = this.#context;
    this.#readAt = now();
    try {
      using deadline = new Deadline(limits.LOAD_TIMEOUT_MS, tooSlow);
      if (this.isDefault && !this.#served && origin.bundled) {
        await this.#loadBundled(origin.bundled, origin, deadline);
        if (this.#served) onUsable();
      }
      const read = await this.#read(origin.source, deadline, this.#served !== null);
      const published = this.#newestOf(read);
      if (this.#served && !isNewer(published, this.#served.model)) {
        logIfOlder(read, this.#served.model);
        this.#served.generation = Math.max(this.#served.generation, generation);
      } else {
        logIfOlder(read, published);
        const place = (resident: ResidentModel): boolean => this.#place(published, resident, generation);
        const purpose = { isDefault: this.isDefault, replaces: this.#served !== null };
        await residents.load(published, origin, purpose, { deadline, keepAlive }, place);
      }
      if (generation > (this.#failure?.generation ?? 0)) this.#failure = null;
    } catch (error) {
      const { version = null } = this.#served?.model ?? {};
      if (!(error instanceof UnknownModelError)) {
        logError("model_load_failed", error, { model: this.reference, serving: version });
        counters[error instanceof OverloadedError ? "refused" : "failed"]++;
      }
      if (generation > (this.#failure?.generation ?? 0))
        this.#failure = { error: withoutFrames(this.#unavailable(error)), at: now(), generation };
    }
  }

  /** The model that was deployed with the Worker serves until the store's does. Without it, only the store's may. */
  async #loadBundled(open: BundledBlob, origin: ModelOrigin, deadline: Deadline): Promise<void> {
    try {
      await this.#context.residents.loadBundled(open, origin, deadline, (resident) => {
        if (this.#served) return false;
        const { name } = resident.loaded.scorer.manifest.spec;
        this.#serve({ model: name, since: null, deadlineMs: null }, resident, 0, true);
        return true;
      });
    } catch (error) {
      logError("bundled_load_failed", error);
      this.#context.counters.failed++;
    }
  }

  /** Makes a version the one that serves, unless a later update did so before. Returns whether it is that now. */
  #place(published: Published, resident: ResidentModel, generation: number): boolean {
    const before = this.#served;
    if (before && (before.generation > generation || !isNewer(published, before.model))) {
      logInfo("model_load_overtaken", { version: published.version, serving: before.model.version });
      return false;
    }
    this.#serve(published, resident, generation);
    if (!this.follows) return true;
    const { model, since } = published;
    if (model !== null && since !== null) this.#context.newest.set(model, this.#newestOf(published));
    this.#context.onSwitched(this, published, resident);
    return true;
  }

  #serve(
    { model, since, deadlineMs }: Pick<Published, "model" | "since" | "deadlineMs">,
    resident: ResidentModel,
    generation: number,
    bundled = false,
  ): void {
    const before = this.#served;
    const { loaded } = resident;
    const name = model ?? loaded.scorer.manifest.spec.name;
    resident.hold(this);
    this.#served = { model: { ...loaded, model: name, since, deadlineMs, bundled }, resident, generation };
    if (before && before.resident !== resident) before.resident.release(this);
  }

  #unavailable(error: unknown): ModelUnavailableError | UnknownModelError {
    if (error instanceof ModelUnavailableError || error instanceof UnknownModelError) return error;
    const cause = errorText(error); // not the error, which is kept, and would keep what it was thrown out of
    if (error instanceof OverloadedError)
      return new ModelUnavailableError(`${this.#what} cannot be loaded now: ${error.message}`, { cause });
    const what = this.reference === null ? "the published model" : this.#what;
    return new ModelUnavailableError(`${what} cannot be loaded; the log says why`, { cause });
  }
}

/**
 * Whether what the store says is to replace what serves. Of two pointers to one model, the one with the later `since`
 * counts: a store may show the older one after the newer one was seen.
 */
function isNewer({ model, version, since, deadlineMs }: Published, serving: LoadedModel): boolean {
  if (serving.bundled) return true;
  // A pointer of earlier publishers was there before all others; that these have gone is not believed.
  if (since === null && serving.since !== null) return false;
  if (model !== null && model !== serving.model) return true;
  if (since !== null && serving.since !== null) return since > serving.since;
  return version !== serving.version || deadlineMs !== serving.deadlineMs || since !== serving.since;
}

/** Logs where the store says an older pointer than one that was seen before: a part of KV may lag behind another. */
function logIfOlder({ key, version, since }: Published, serving: Pick<LoadedModel, "version">): void {
  if (version !== serving.version) logInfo("pointer_older", { key, version, since, serving: serving.version });
}

/**
 * An error that may be kept. V8 holds the frames that it was thrown out of until they are made text, and with them all
 * that they had at hand: the memory of a whole model that was being loaded.
 */
function withoutFrames<E extends Error>(error: E): E {
  void error.stack;
  return error;
}

function tooSlow(): Error {
  return new Error(`the model was not there after ${limits.LOAD_TIMEOUT_MS / 1000} s`);
}
