import { readDefault, readPointer } from "../../format/pointer.ts";
import { defaultKey, pointerKey } from "../../format/store.ts";

/** What a store has said of which version serves, one pointer after the other, as it was written. */
export class Timeline {
  readonly #pointers = new Map<string, string[]>();
  readonly #defaults: string[] = [];

  /** Takes notice of a value that is written. */
  write(key: string, value: Buffer): void {
    if (key === defaultKey()) this.#defaults.push(readDefault(value.toString()));
    if (!key.startsWith(pointerKey(""))) return;
    const model = key.slice(pointerKey("").length);
    this.#pointers.set(model, [...this.versions(model), readPointer(value.toString(), model).version]);
  }

  /** The versions that the pointer of a model has named, in turn. One that was gone back to is there twice. */
  versions(model: string): readonly string[] {
    return this.#pointers.get(model) ?? [];
  }

  /** What the pointer of a model names. */
  latest(model: string): string {
    const version = this.versions(model).at(-1);
    if (version === undefined) throw new Error(`${model} has no pointer`);
    return version;
  }

  /** Whether a model has ever been the default one. */
  wasDefault(model: string): boolean {
    return this.#defaults.includes(model);
  }

  get default(): string {
    const model = this.#defaults.at(-1);
    if (model === undefined) throw new Error("there is no default model");
    return model;
  }
}

/**
 * Which versions an isolate is known to serve, by what its answers said. What requests name follows its
 * pointer and never goes back, whatever an isolate reads of it later.
 */
export class VersionsSeen {
  readonly #timeline: Timeline;
  /** By what requests name, and the model that answered: the position in the model's versions. */
  readonly #positions = new Map<string, number>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Where an isolate is known to be before a request is sent: every position. */
  snapshot(): ReadonlyMap<string, number> {
    return new Map(this.#positions);
  }

  /**
   * Takes notice of an answer. `before`: the snapshot of when its request was sent. Returns what is wrong with the
   * version: it was never pointed at, or it is older than one that had been seen before.
   */
  answer(reference: string | null, model: string, version: string, before: ReadonlyMap<string, number>): string | null {
    const versions = this.#timeline.versions(model);
    const name = `${reference ?? ""}:${model}`;
    const from = before.get(name) ?? 0;
    const position = versions.indexOf(version, from);
    if (position >= 0) {
      this.#positions.set(name, Math.max(position, this.#positions.get(name) ?? 0));
      return null;
    }
    return versions.includes(version)
      ? `got version ${version} of ${model}, expected none before ${versions[from]}, which had answered before`
      : `got version ${version}, expected one that the pointer of ${model} has named`;
  }
}
