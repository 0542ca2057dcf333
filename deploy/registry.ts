import { BLOB_HEADER_BYTES } from "../format/constants.ts";
import { FormatError } from "../format/errors.ts";
import { modelName } from "../format/field-schemas.ts";
import { findVersion, type History, readHistory } from "../format/history.ts";
import { parseWith } from "../format/parse.ts";
import {
  type ModelPointer,
  readDefault,
  readEarlierPointer,
  readPointer,
  writeDefault,
  writePointer,
} from "../format/pointer.ts";
import { readManifest } from "../format/read-blob.ts";
import { serialOf, signerOf } from "../format/seal.ts";
import type { SigningKey } from "../format/signature.ts";
import { signStatement } from "../format/signed-pointer.ts";
import { defaultKey, earlierPointerKey, historyKey, pointerKey } from "../format/store.ts";
import { UserError } from "../trainer/errors.ts";
import { type KvStore, textOf, textsOf } from "./kv/kv-store.ts";
import { historyFromManifests } from "./mend-history.ts";
import { startOfBlob, storedBlob } from "./stored-version.ts";
import { versionsOfExperiments } from "./versions-of-experiments.ts";

/** The model that an earlier publisher's pointer names, whose name its blob may have to say. */
export interface EarlierModel {
  model: string;
  version: string;
}

/** What a store says of one model. */
export interface ModelEntry {
  model: string;
  /** Null: none serves yet. */
  pointer: ModelPointer | null;
  history: History;
  isDefault: boolean;
  /** What is wrong with its pointer or its history, of which the entry has nothing then. */
  problem: string | null;
}

/** Milliseconds that another machine's clock may be ahead of this one's. A serial number beyond was never signed. */
const MOST_AHEAD_MS = 86_400_000;
/** What brings a blob back. */
const BY_REPAIR = "`publish --repair --no-switch` of its export writes it again";

/** What a rollback did. */
export interface Rollback {
  /** The version that served before; null: its pointer could not be read. */
  from: string | null;
  to: string;
  /** Whether the model is pinned, to `to` from now on. */
  pinned: boolean;
}

/** Which models and versions a store has, and which of them serve. */
export class ModelRegistry {
  readonly #store: KvStore;
  readonly #now: () => number;

  constructor(store: KvStore, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  /** The default model's name; null where there is none. Throws FormatError where it cannot be read. */
  async default(): Promise<string | null> {
    const text = await textOf(this.#store, defaultKey());
    return text === null ? null : readDefault(text);
  }

  /** A model's pointer; null where there is none. Throws FormatError where it cannot be read. */
  async pointer(model: string): Promise<ModelPointer | null> {
    const text = await textOf(this.#store, pointerKey(model));
    return text === null ? null : readPointer(text, model);
  }

  /** A model's history, which may be empty. Throws FormatError where it cannot be read. */
  async history(model: string): Promise<History> {
    const text = await textOf(this.#store, historyKey(model));
    return text === null ? [] : readHistory(text, model);
  }

  /** A history in place of a damaged one, by the manifests that are there; `now`: milliseconds since the epoch. */
  historyAnew(model: string, pointer: ModelPointer | null, now: number): Promise<History> {
    const first = pointer ? [pointer.version, ...(pointer.previous === null ? [] : [pointer.previous])] : [];
    return historyFromManifests(this.#store, model, first, now);
  }

  /**
   * The versions that the history of the model with this pointer is to keep, however old they are: those that serve, or
   * that a rollback goes back to, and those that arms of experiments name. Throws UserError where these cannot be
   * known, unless that is `forgiven`.
   */
  async inUse(pointer: ModelPointer | null, forgiven: boolean): Promise<Set<string>> {
    const used = await versionsOfExperiments(this.#store).catch((error) => {
      if (forgiven && error instanceof UserError) return new Set<string>();
      throw error;
    });
    for (const version of [pointer?.version, pointer?.previous]) if (version) used.add(version);
    return used;
  }

  /** What an earlier publisher's pointer names; null where there is none. Throws FormatError where it is damaged. */
  async earlier(): Promise<EarlierModel | null> {
    const text = await textOf(this.#store, earlierPointerKey());
    if (text === null) return null;
    const { model, version } = readEarlierPointer(text);
    if (model !== null) return { model, version };
    const blob = await startOfBlob(this.#store, version);
    if (blob === null) throw new FormatError(earlierPointerKey(), `got version ${version}, whose blob is missing`);
    return { model: readManifest(blob).spec.name, version };
  }

  /**
   * The serial number that Workers with keys know of what a pointer leads to: that of its own signature or else of the
   * blob; 0 where there is neither.
   */
  async serialOf({ signed, version }: ModelPointer): Promise<number> {
    if (signed && signed.serial < this.#now() + MOST_AHEAD_MS) return signed.serial;
    try {
      const blob = await startOfBlob(this.#store, version);
      return blob === null || blob.length < BLOB_HEADER_BYTES ? 0 : serialOf(blob);
    } catch (error) {
      // A patch that is damaged says nothing, as a blob that is missing.
      if (error instanceof FormatError) return 0;
      throw error;
    }
  }

  /** When a pointer that follows another is written: always after that one. */
  timeAfter(pointer: ModelPointer | null): number {
    return Math.max(this.#now(), (pointer?.since ?? -1) + 1);
  }

  /** All models, by name. */
  async list(): Promise<ModelEntry[]> {
    const isDefault = await this.default();
    const names = new Set<string>();
    for (const prefix of [pointerKey(""), historyKey("")])
      for (const key of await this.#store.keys(prefix)) names.add(key.slice(prefix.length));
    const models = [...names].sort();
    const texts = await textsOf(
      this.#store,
      models.flatMap((model) => [pointerKey(model), historyKey(model)]),
    );
    return models.map((model) => {
      const [pointer, history] = [texts.get(pointerKey(model)) ?? null, texts.get(historyKey(model)) ?? null];
      const entry = { model, isDefault: model === isDefault };
      try {
        return {
          ...entry,
          pointer: pointer === null ? null : readPointer(pointer, model),
          history: history === null ? [] : readHistory(history, model),
          problem: null,
        };
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        return { ...entry, pointer: null, history: [], problem: error.message };
      }
    });
  }

  /**
   * Lets an earlier version of a model serve again: the one that its pointer has as `previous`, or the one of its
   * history that `wanted` names, as a whole or by its beginning. Only the pointer is written, with `wanted` also in
   * place of a damaged one, and where it is the first of a store, the default. `key` signs the pointer, as a signed
   * version needs: without that, a Worker with keys does not go back. Throws UserError where there is no such version,
   * it serves already, or it is signed and `key` is null, and FormatError where its blob is a patch that is damaged.
   */
  async rollback(model: string, wanted: string | null, key: SigningKey | null = null): Promise<Rollback> {
    parseWith(modelName, model, "model");
    const pointer = await this.#pointerToReplace(model, wanted !== null);
    const to = await this.#versionToServe(model, pointer, wanted);
    if (to === pointer?.version) throw new UserError(`${model}: got version ${to}, which serves already`);
    await this.#move(model, pointer, { to, wanted, pinned: pointer?.pinned ?? false }, key);
    return { from: pointer?.version ?? null, to, pinned: pointer?.pinned ?? false };
  }

  /**
   * Lets a version of a model serve, which `wanted` names as for `rollback`, until it is unpinned: publications leave
   * the pointer as it is. `key`: as for `rollback`, where the version does not serve already. Throws UserError where
   * there is no such version, or it is signed and `key` is null.
   */
  async pin(
    model: string,
    wanted: string,
    key: SigningKey | null = null,
  ): Promise<{ from: string | null; to: string }> {
    parseWith(modelName, model, "model");
    const pointer = await this.#pointerToReplace(model, true);
    const to = await this.#versionToServe(model, pointer, wanted);
    if (pointer && to === pointer.version) {
      if (!pointer.pinned) await this.#write(model, { ...pointer, since: this.timeAfter(pointer), pinned: true });
    } else await this.#move(model, pointer, { to, wanted, pinned: true }, key);
    return { from: pointer?.version ?? null, to };
  }

  /** Lets publications move a model's pointer again. Returns what serves. Throws UserError where it is not pinned. */
  async unpin(model: string): Promise<string> {
    parseWith(modelName, model, "model");
    const pointer = await this.pointer(model);
    if (pointer === null || !pointer.pinned) throw new UserError(`${model}: got a model that is not pinned`);
    const { pinned, ...free } = pointer;
    await this.#write(model, { ...free, since: this.timeAfter(pointer) });
    return pointer.version;
  }

  /** Writes the pointer that has a model serve another version. Throws UserError as `rollback` does. */
  async #move(
    model: string,
    pointer: ModelPointer | null,
    { to, wanted, pinned }: { to: string; wanted: string | null; pinned: boolean },
    key: SigningKey | null,
  ): Promise<void> {
    // A Worker that starts would have nothing to serve with, where the blob is not whole.
    const blob = await storedBlob(this.#store, to).catch((error) => {
      if (!(error instanceof FormatError)) throw error;
      throw new UserError(`${model}: got version ${to}, of which ${error.message}; ${BY_REPAIR}`, { cause: error });
    });
    if (blob === null) throw new UserError(`${model}: got version ${to}, whose blob is not in the store; ${BY_REPAIR}`);
    const signer = signerOf(blob.bytes);
    if (signer !== null && key === null)
      throw new UserError(
        `${model}: got version ${to}, which is signed, expected --key: Workers go back with it alone`,
      );
    if (signer === null && key !== null)
      throw new UserError(`--key: got a key, expected none: version ${to} of ${model} is not signed`);
    const signed = key && (await signStatement({ model, version: to }, key, await this.#serialAfter(pointer)));
    const { deadline, version = null } = pointer ?? {};
    // A removal may have begun while the blob was read: its history forgets a version first.
    await this.#versionToServe(model, pointer, wanted);
    await this.#write(model, {
      ...{ version: to, since: this.timeAfter(pointer), previous: version },
      ...(deadline !== undefined && { deadline }),
      ...(signed && { signed }),
      ...(pinned && { pinned }),
    });
    if (pointer === null && !(await this.#hasDefault()))
      await this.#store.putTexts([{ key: defaultKey(), value: writeDefault(model) }]);
  }

  /** Whether requests that name no model have one, or would have but for a damaged value. */
  async #hasDefault(): Promise<boolean> {
    const texts = await this.#store.texts([defaultKey(), earlierPointerKey()]);
    return [...texts.values()].some((text) => text !== null);
  }

  async #write(model: string, pointer: ModelPointer): Promise<void> {
    await this.#store.putTexts([{ key: pointerKey(model), value: writePointer(pointer) }]);
  }

  /**
   * The serial number of a statement that replaces what a pointer leads to: later than the one before, though the clock
   * that signed that was ahead. It follows the clock alone, and not `since`, which whoever writes to the store can set
   * far into the future.
   */
  async #serialAfter(pointer: ModelPointer | null): Promise<number> {
    const now = this.#now();
    const before = pointer === null ? 0 : await this.serialOf(pointer);
    return before < now + MOST_AHEAD_MS ? Math.max(now, before + 1) : now;
  }

  async #pointerToReplace(model: string, mayBeDamaged: boolean): Promise<ModelPointer | null> {
    try {
      return await this.pointer(model);
    } catch (error) {
      if (mayBeDamaged && error instanceof FormatError) return null;
      throw error;
    }
  }

  async #versionToServe(model: string, pointer: ModelPointer | null, wanted: string | null): Promise<string> {
    if (wanted === null) {
      if (pointer === null) {
        if ((await this.history(model)).length > 0)
          throw new UserError(`${model}: got no version that serves, expected VERSION; \`models ${model}\` lists them`);
        throw new UserError(`${model}: got no pointer, expected the name of a published model; \`models\` lists them`);
      }
      if (pointer.previous !== null) return pointer.previous;
      throw new UserError(`${model}: got no version that served before ${pointer.version}, expected VERSION`);
    }
    const history = await this.history(model);
    if (history.length === 0)
      throw new UserError(`${model}: got no history, expected the name of a published model; \`models\` lists them`);
    const found = findVersion(history, wanted);
    if ("problem" in found) throw new UserError(`${model}: ${found.problem}; \`models ${model}\` lists them`);
    return found.version;
  }
}
