import { expect, it } from "vitest";
import { Pruning } from "../../deploy/prune.ts";
import { Publication } from "../../deploy/publication.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { blobKey, manifestKey, pageKey } from "../../format/store.ts";
import { type PagedModel, pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { integer, pick, seeded } from "../../testing/format/random.ts";
import { MemoryKv } from "./memory-kv.ts";

// What a store says after any commands is compared with a few lines of what they are to do.

const DAY = 86_400_000;
const NAMES = ["tiny", "ads"];

/** Versions whose pages overlap, and whose blobs may be patches of each other. */
const MODELS = await Promise.all(
  Array.from({ length: 8 }, (_, i) =>
    pagedModel(`number ${i}`, [...pageContents(3, 2 * i), ...pageContents(1, 90)], 3000),
  ),
);

/** What is to be listed of a model. */
interface Expected {
  serves: string | null;
  previous: string | null;
  pinned: boolean;
  /** Versions, the newest first. */
  history: string[];
}

class World {
  readonly store = new MemoryKv();
  readonly random: () => number;
  now = 1_800_000_000_000;
  models = new Map<string, Expected>();
  byDefault: string | null = null;
  /** Damaged values, by their keys; undefined: it was deleted. */
  readonly #damaged = new Map<string, string | undefined>();

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  get registry(): ModelRegistry {
    return new ModelRegistry(this.store, () => this.now);
  }

  /** What the store says. */
  async listed(): Promise<{ models: Map<string, Expected>; byDefault: string | null }> {
    const models = new Map<string, Expected>();
    for (const { model, pointer, history, problem } of await this.registry.list()) {
      expect(problem).toBe(null);
      const { version = null, previous = null, pinned = false } = pointer ?? {};
      models.set(model, { serves: version, previous, pinned, history: history.map((one) => one.version) });
    }
    return { models, byDefault: await this.registry.default() };
  }

  /** One command, or one value that is damaged, at random. */
  async step(): Promise<void> {
    const { random } = this;
    const [name, model, kind] = [pick(random, NAMES), pick(random, MODELS), integer(random, 0, 12)];
    if (kind < 6) return this.#publish(name, model, kind > 3);
    if (kind === 6) return this.#serves(name, (await this.registry.rollback(name, this.#wanted(model))).to);
    if (kind === 7) {
      await this.registry.pin(name, model.version);
      this.#serves(name, model.version);
      return void Object.assign(this.models.get(name) ?? {}, { pinned: true });
    }
    if (kind === 8) {
      await this.registry.unpin(name);
      return void Object.assign(this.models.get(name) ?? {}, { pinned: false });
    }
    if (kind < 11) return this.#prune(random() < 0.3 ? name : null);
    this.#damage();
  }

  async #publish(name: string, model: PagedModel, repair: boolean): Promise<void> {
    const { random, store } = this;
    const [switches, becomesDefault] = [random() < 0.75, random() < 0.2];
    const clock = { now: () => this.now, sleep: async () => {} };
    const options = { clock, batchKeys: 2, repair, leastSaved: 0, random };
    await new Publication(store, options).run(model, { model: name, switches, becomesDefault });
    const { history = [], ...before } = this.models.get(name) ?? { serves: null, previous: null, pinned: false };
    const others = history.filter((version) => version !== model.version);
    this.models.set(name, { ...before, history: [model.version, ...others] });
    if (switches && !before.pinned) this.#serves(name, model.version);
    if (becomesDefault) this.byDefault = name;
    if (repair) expect((await verifyVersion(store, name, model.version)).faults).toEqual([]);
  }

  #wanted({ version }: PagedModel): string | null {
    return this.random() < 0.5 ? null : version;
  }

  #serves(name: string, version: string): void {
    const model = this.models.get(name) as Expected;
    if (model.serves !== version) Object.assign(model, { serves: version, previous: model.serves });
    this.byDefault ??= name;
  }

  async #prune(model: string | null): Promise<void> {
    const options = { model, keep: integer(this.random, 0, 3), days: integer(this.random, 0, 9) };
    const pruning = new Pruning(this.store, options, () => this.now);
    const plan = await pruning.plan();
    expect(await pruning.remove(plan)).toEqual(plan);
    for (const { model: name, version } of plan.forgotten) {
      const { serves, previous, history } = this.models.get(name) as Expected;
      expect([serves, previous]).not.toContain(version);
      history.splice(history.indexOf(version), 1);
    }
  }

  #damage(): void {
    const { random, store } = this;
    const keys = [...store.values.keys()].filter((key) => /^(blob|page|manifest)\//.test(key));
    if (keys.length === 0) return;
    const key = pick(random, keys);
    const value = store.values.get(key) ?? "";
    if (random() < 0.3) store.values.delete(key);
    else store.values.set(key, pick(random, ["", `x${value}`, value.slice(0, integer(random, 0, value.length))]));
    this.#damaged.set(key, store.values.get(key));
  }

  /** Keys of versions that stay which are not there, though nobody has deleted them but a command. */
  missing(): string[] {
    const all = [...this.models.values()].flatMap(({ serves, previous, history }) => [serves, previous, ...history]);
    const keys = MODELS.filter(({ version }) => all.includes(version)).flatMap(({ version, pages }) => [
      ...[blobKey(version), manifestKey(version)],
      ...pages.map(({ digest }) => pageKey(digest)),
    ]);
    return keys.filter((key) => !this.store.values.has(key) && !this.#damaged.has(key));
  }
}

it("a store has what its commands are to make of it, whatever is damaged, stopped and repaired in between", async () => {
  let stopped = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const world = new World(seed);
    for (let step = 0; step < 40; step++) {
      world.now += integer(world.random, 1, 3 * DAY);
      const place = `seed ${seed}, step ${step}`;
      if (world.random() < 0.15) world.store.failAfter = integer(world.random, 0, 14);
      const error = await world.step().then(
        () => null,
        (thrown: Error) => thrown,
      );
      world.store.failAfter = Number.POSITIVE_INFINITY;
      const listed = await world.listed();
      if (error !== null) {
        expect(`${error.name} ${error.message}`, place).toMatch(/broke off|^UserError|^FormatError/);
        for (const name of world.models.keys()) expect([...listed.models.keys()], place).toContain(name);
        // What is stopped may have done some of what it was to do.
        Object.assign(world, listed);
        stopped++;
      }
      expect(listed, place).toEqual({ models: world.models, byDefault: world.byDefault });
      expect(world.missing(), place).toEqual([]);
    }
  }
  expect(stopped).toBeGreaterThan(100);
});
