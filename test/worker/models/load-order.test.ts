import { expect, test, vi } from "vitest";
import { writeDefault, writePointer } from "../../../format/pointer.ts";
import { blobKey, defaultKey, pointerKey } from "../../../format/store.ts";
import { seeded } from "../../../testing/format/random.ts";
import { ModelUnavailableError } from "../../../worker/http/errors.ts";
import { LOAD_TIMEOUT_MS, LOAD_WAIT_MS, MEMORY, POINTER_MAX_AGE_MS } from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { ModelStore } from "../../../worker/models/model-store.ts";
import type { Source } from "../../../worker/source/source.ts";
import { loggedErrors, PATIENCE, startWorker } from "../client.ts";
import { makeModel } from "../tiny-model.ts";
import { originOf, warmNone } from "./origin.ts";

const models = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => makeModel(seed)));

/**
 * A store whose reads each wait until the test lets them go on. The pointer's value is that of the read's beginning.
 */
class SlowSource implements Source {
  published = 0;
  readonly waiting: (() => void)[] = [];

  async stream(key: string): Promise<ReadableStream | null> {
    const pointed = models[this.published];
    const since = 1 + this.published;
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (key === defaultKey()) return new Response(writeDefault("tiny")).body;
    if (key === pointerKey("tiny") && pointed) {
      const pointer = { version: pointed.version, since, previous: null };
      return new Response(writePointer(pointer)).body;
    }
    const model = models.find(({ version }) => key === blobKey(version));
    return model ? new Response(model.blob.slice()).body : null;
  }

  async pages(): Promise<ReadonlyMap<string, null>> {
    return new Map();
  }
}

function keepAlive(): void {}

/** Lets reads go on, one after the other, until a version serves. */
async function serves(store: ModelStore, source: SlowSource, version: number): Promise<void> {
  const goOn = (): void => {
    source.waiting.shift()?.();
    expect(store.serving?.version).toBe(models[version]?.version);
  };
  await vi.waitFor(goOn, { ...PATIENCE, interval: 5 });
}

/** Lets promises settle, of which a load has many. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

test.each([1, 2, 3])("whatever the delays of loads, no model follows a later one: seed %i", async (seed) => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const random = seeded(seed);
  const clock = { ms: 1e12 };
  const source = new SlowSource();
  const memory = new MemoryBudget(() => clock.ms);
  const store = new ModelStore(bestKernelModule(), memory, warmNone, () => clock.ms);
  const origin = originOf(source);
  const first = store.current(origin, keepAlive);
  await serves(store, source, 0);
  await first;

  let last = 0;
  for (let step = 0; step < 60; step++) {
    if (random() < 0.3) source.published = Math.min(models.length - 1, source.published + 1);
    // So late that the load under way counts as lost, and another begins.
    clock.ms += 2 * LOAD_TIMEOUT_MS;
    await store.current(origin, keepAlive);
    const [go] = source.waiting.splice(Math.floor(random() * source.waiting.length), 1);
    go?.();
    await settle();
    const served = models.findIndex(({ version }) => version === store.serving?.version);
    expect(served).toBeGreaterThanOrEqual(last);
    last = served;
  }
  source.published = models.length - 1;
  clock.ms += 2 * LOAD_TIMEOUT_MS;
  await store.current(origin, keepAlive);
  await serves(store, source, models.length - 1);
  for (; source.waiting.length > 0; await settle()) source.waiting.shift()?.();
  expect(store.serving?.version).toBe(models[models.length - 1]?.version);
  expect(memory.report().taken.models).toBeLessThan(MEMORY.models / 10);
});

test("a store that hangs holds a request of a cold isolate for seconds, and its load goes on", async () => {
  loggedErrors();
  vi.spyOn(console, "log").mockImplementation(() => {});
  const source = new SlowSource();
  const store = new ModelStore(bestKernelModule(), new MemoryBudget(Date.now), warmNone, Date.now);
  const origin = originOf(source);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const waiting = [1, 2, 3].map(() => store.current(origin, keepAlive).catch((error: unknown) => error));
    await vi.advanceTimersByTimeAsync(LOAD_WAIT_MS);
    for (const answer of await Promise.all(waiting)) expect(answer).toBeInstanceOf(ModelUnavailableError);
    expect(source.waiting).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
  await serves(store, source, 0);
});

test("while an isolate loads its first model, one body is read, and the others once there is a model", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const source = new SlowSource();
  const worker = startWorker({}, { source: () => source });
  let read = 0;
  const post = (): Promise<Response> => {
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      read++;
      controller.enqueue(new TextEncoder().encode('{"records": [{}]}'));
      controller.close();
    };
    const body = new ReadableStream({ pull }, { highWaterMark: 0 });
    return worker.fetch("/v1/score", { method: "POST", headers: { "content-type": "application/json" }, body });
  };
  const first = post();
  await vi.waitFor(() => expect(source.waiting).toHaveLength(1), PATIENCE);
  const others = [post(), post()];
  await settle();
  expect(read).toBe(1);
  let isLoading = true;
  const answers = Promise.all([first, ...others]).finally(() => {
    isLoading = false;
  });
  for (; isLoading; await settle()) source.waiting.shift()?.();
  expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(read).toBe(3);
});

test("loads are one after the other, however many wait for the first of them, and none loads what another has", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const named = models.slice(0, 4).map((model, i) => ({ name: `model-${i}`, ...model }));
  const [first, second, third, fourth] = named;
  const opened: string[] = [];
  let open = 0;
  let mostOpen = 0;
  const source: Source = {
    async stream(key) {
      if (key === defaultKey()) return new Response(writeDefault("model-0")).body;
      const pointed = named.find(({ name }) => key === pointerKey(name));
      if (pointed) return new Response(writePointer({ version: pointed.version, since: 1, previous: null })).body;
      const model = named.find(({ version }) => key === blobKey(version));
      if (!model) return null;
      opened.push(model.name);
      mostOpen = Math.max(mostOpen, ++open);
      await settle();
      open--;
      return new Response(model.blob.slice()).body;
    },
    pages: async () => new Map(),
  };
  const memory = new MemoryBudget(Date.now);
  const store = new ModelStore(bestKernelModule(), memory, warmNone, Date.now);
  const access = { ...originOf(source), keepAlive, charge: null, lease: memory.lease("requests") };
  const references = [null, second?.name, third?.name, fourth?.name, `${second?.name}@${second?.version}`];
  const loaded = await Promise.all(references.map((one) => store.use(one ?? null, access, LOAD_TIMEOUT_MS)));
  const versions = [first, second, third, fourth, second].map((one) => one?.version);
  expect(loaded.map(({ version }) => version)).toEqual(versions);
  expect(mostOpen).toBe(1);
  expect(opened.toSorted()).toEqual(named.map(({ name }) => name));
  expect(store.counters.loaded).toBe(4);
});

test("a pointer that is older than what the isolate has seen of its model is not followed under another name", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const clock = { ms: 1e12 };
  const [older, newer, other] = models.slice(0, 3).map(({ version }) => version);
  const pointers = { tiny: { version: newer ?? "", since: 2 }, other: { version: other ?? "", since: 1 } };
  let byDefault: keyof typeof pointers = "tiny";
  const source: Source = {
    async stream(key) {
      if (key === defaultKey()) return new Response(writeDefault(byDefault)).body;
      for (const [name, pointer] of Object.entries(pointers))
        if (key === pointerKey(name)) return new Response(writePointer({ ...pointer, previous: null })).body;
      const model = models.find(({ version }) => key === blobKey(version));
      return model ? new Response(model.blob.slice()).body : null;
    },
    pages: async () => new Map(),
  };
  const memory = new MemoryBudget(() => clock.ms);
  const store = new ModelStore(bestKernelModule(), memory, warmNone, () => clock.ms);
  const updates: Promise<unknown>[] = [];
  const keepAlive = (update: Promise<unknown>): void => void updates.push(update);
  const access = { ...originOf(source), keepAlive, charge: null, lease: memory.lease("requests") };
  const versionOf = async (reference: string | null): Promise<string> => {
    clock.ms += POINTER_MAX_AGE_MS;
    await store.use(reference, access, LOAD_TIMEOUT_MS);
    await Promise.all(updates.splice(0));
    return (await store.use(reference, access, LOAD_TIMEOUT_MS)).version;
  };
  expect(await versionOf(null)).toBe(newer);
  pointers.tiny = { version: older ?? "", since: 1 };
  expect(await versionOf("tiny")).toBe(newer);
  byDefault = "other";
  expect(await versionOf(null)).toBe(other);
  byDefault = "tiny";
  expect(await versionOf(null)).toBe(newer);
  expect(store.counters.loaded).toBe(2);
  pointers.tiny = { version: older ?? "", since: 3 };
  expect([await versionOf(null), await versionOf("tiny")]).toEqual([older, older]);
});
