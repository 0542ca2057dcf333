import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { KvPair, KvStore } from "../../deploy/kv/kv-store.ts";
import { Pruning } from "../../deploy/prune.ts";
import { Publication } from "../../deploy/publication.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { blobKey, manifestKey, pageKey } from "../../format/store.ts";
import { pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { integer, pick, seeded } from "../../testing/format/random.ts";
import { MemoryKv } from "./memory-kv.ts";

const DAY = 86_400_000;
const START = 1_800_000_000_000;

/** Versions whose pages overlap. */
const MODELS = await Promise.all(
  Array.from({ length: 6 }, (_, i) => pagedModel(`number ${i}`, [...pageContents(3, 2 * i), ...pageContents(1, 90)])),
);

/** The order, drawn, in which several who work with a store at the same time have their calls done, one at a time. */
class Turns {
  readonly #random: () => number;
  /** The chance that who had the last turn has the next one too. */
  readonly #again: number;
  #waiting: { who: string; isAsleep: boolean; go: () => void }[] = [];

  constructor(random: () => number, again: number) {
    this.#random = random;
    this.#again = again;
  }

  /** Settles when it is `who`'s turn. Who is asleep is so for longer than a call of another takes. */
  turnOf(who: string, isAsleep = false): Promise<void> {
    return new Promise((go) => this.#waiting.push({ who, isAsleep, go }));
  }

  async run(works: readonly (() => Promise<void>)[]): Promise<void> {
    let working = works.length;
    const ended = works.map((work) => work().finally(() => working--));
    let last = "";
    while (working > 0) {
      if (this.#waiting.length < working) {
        await setImmediate();
        continue;
      }
      const awake = this.#waiting.filter(({ isAsleep }) => !isAsleep);
      const some = awake.length > 0 ? awake : this.#waiting;
      const same = some.find(({ who }) => who === last);
      const next = same && this.#random() < this.#again ? same : pick(this.#random, some);
      this.#waiting = this.#waiting.filter((one) => one !== next);
      for (const one of this.#waiting) one.isAsleep = false;
      last = next.who;
      next.go();
    }
    await Promise.all(ended);
  }
}

/** A store of an account, as one of those sees it who work with it. */
class SharedKv implements KvStore {
  readonly #store: MemoryKv;
  readonly #turn: () => Promise<void>;

  constructor(store: MemoryKv, turn: () => Promise<void>) {
    this.#store = store;
    this.#turn = turn;
  }

  async keys(prefix: string): Promise<Set<string>> {
    await this.#turn();
    return this.#store.keys(prefix);
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    await this.#turn();
    return this.#store.texts(keys);
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    await this.#turn();
    return this.#store.bytes(key);
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    await this.#turn();
    await this.#store.putTexts(pairs);
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    await this.#turn();
    await this.#store.putBytes(key, value);
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#turn();
    await this.#store.delete(keys);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What has become of a store. */
interface Outcome {
  store: MemoryKv;
  /** The version that a publisher says it has published; null: it gave up. */
  published: (typeof MODELS)[number] | null;
  /** What is wrong with any version that a request, or a rollback, may have. */
  faults: string[];
}

/** Fills a store, and then publishes, prunes and rolls back at the same time. */
async function sideBySide(seed: number, again: number): Promise<Outcome> {
  const random = seeded(seed);
  const store = new MemoryKv();
  let now = START;
  for (let i = integer(random, 3, 7); i > 0; i--) {
    now += DAY / 10;
    if (random() < 0.2) store.failAfter = integer(random, 1, 8);
    await new Publication(store, { clock: { now: () => now, sleep: async () => {} }, batchKeys: 2 })
      .run(pick(random, MODELS), { switches: random() < 0.8 })
      .catch(() => {});
    store.failAfter = Number.POSITIVE_INFINITY;
  }
  now += 30 * DAY;
  const turns = new Turns(random, again);
  const kvOf = (who: string): KvStore => new SharedKv(store, () => turns.turnOf(who));
  const [chosen, name] = [pick(random, MODELS), pick(random, ["tiny", "ads"])];
  let published: Outcome["published"] = null;
  const sleep = async (ms: number): Promise<void> => {
    await turns.turnOf("publisher", true);
    now += ms;
  };
  const publication = new Publication(kvOf("publisher"), {
    ...{ batchKeys: 2, settle: 60, random, clock: { now: () => now, sleep } },
  });
  const pruning = new Pruning(kvOf("pruner"), { model: null, keep: integer(random, 0, 2), days: 1 }, () => now);
  const registry = new ModelRegistry(kvOf("other"), () => now);
  const wanted = random() < 0.3 ? null : pick(random, MODELS).version;
  await turns.run([
    async () => {
      await publication.run(chosen, { model: name, switches: random() < 0.7 });
      published = chosen;
    },
    async () => {
      await pruning.remove(await pruning.plan());
    },
    async () => {
      await registry.rollback("tiny", wanted).catch((error: Error) => expect(error.message).toMatch(/^tiny: got/));
    },
  ]);

  const faults: string[] = [];
  for (const { model, pointer, history } of await new ModelRegistry(store).list()) {
    if (pointer) faults.push(...(await verifyVersion(store, model, null)).faults);
    if (pointer && !history.some(({ version }) => version === pointer.version)) faults.push(`${model}: no history`);
    for (const { version } of history) faults.push(...(await verifyVersion(store, model, version)).faults);
  }
  return { store, published, faults };
}

describe("publish, prune and rollback at the same time, where no lock keeps them apart", () => {
  it("leave whole whatever a request or a rollback may have", async () => {
    let published = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const outcome = await sideBySide(seed, 0);
      expect(outcome.faults, `seed ${seed}`).toEqual([]);
      if (outcome.published) published++;
    }
    expect(published).toBe(400);
  });

  it("leave whole what was published, also where one of them does much while a call of another is on its way", async () => {
    for (let seed = 1; seed <= 400; seed++) {
      const { store, published } = await sideBySide(seed, 0.9);
      if (!published) continue;
      const { version, pages } = published;
      const keys = [blobKey(version), manifestKey(version), ...pages.map(({ digest }) => pageKey(digest))];
      expect(
        keys.filter((key) => !store.values.has(key)),
        `seed ${seed}`,
      ).toEqual([]);
    }
  });
});
