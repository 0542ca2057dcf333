import { describe, expect, it } from "vitest";
import { ExperimentRegistry } from "../../deploy/experiments.ts";
import { Pruning } from "../../deploy/prune.ts";
import { Publication } from "../../deploy/publication.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { readState, versionsInUse } from "../../deploy/versions-in-use.ts";
import { parseArm } from "../../format/arm.ts";
import { experimentsKey } from "../../format/experiments-pointer.ts";
import { type History, MAX_HISTORY, writeHistory } from "../../format/history.ts";
import {
  blobKey,
  historyKey,
  manifestKey,
  pageKey,
  pointerKey,
  removalKey,
  uploadedKey,
  uploadKey,
} from "../../format/store.ts";
import { writeUploaded } from "../../format/upload.ts";
import { type PagedModel, pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { integer, pick, seeded } from "../../testing/format/random.ts";
import { MemoryKv } from "./memory-kv.ts";

const DAY = 86_400_000;
const START = 1_800_000_000_000;

/** Twelve versions, whose pages overlap. */
const MODELS = await Promise.all(
  Array.from({ length: 12 }, (_, i) => pagedModel(`number ${i}`, [...pageContents(3, 2 * i), ...pageContents(1, 90)])),
);

const NOTHING = { forgotten: [], versions: [], pages: 0, journals: [], unknown: [] };

/** A store, and the time that its publishers see. */
class World {
  readonly store = new MemoryKv();
  now = START;
  readonly clock = { now: () => this.now, sleep: async () => {} };

  publish(model: PagedModel, name = "tiny", switches = true) {
    return new Publication(this.store, { clock: this.clock, batchKeys: 2 }).run(model, { model: name, switches });
  }

  prune(options: { model?: string; keep: number; days: number }): Pruning {
    return new Pruning(this.store, { model: null, ...options }, () => this.now);
  }

  get registry(): ModelRegistry {
    return new ModelRegistry(this.store, () => this.now);
  }

  /** What is wrong with any version that a request, or a rollback, may have. */
  async faults(): Promise<string[]> {
    const faults: string[] = [];
    for (const { model, pointer, history, problem } of await this.registry.list()) {
      if (problem !== null) faults.push(problem);
      if (pointer) faults.push(...(await verifyVersion(this.store, model, null)).faults);
      for (const { version } of history) faults.push(...(await verifyVersion(this.store, model, version)).faults);
    }
    for (const version of versionsInUse(await readState(this.store)))
      if (!this.store.values.has(blobKey(version))) faults.push(`${blobKey(version)} is in use`);
    return faults;
  }
}

describe("prune", () => {
  it("keeps the newest, the young, and what serves or served before; dry, it deletes nothing", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 8)) {
      world.now += DAY;
      await world.publish(model);
    }
    const [oldest, second] = MODELS.map(({ version }) => version);
    await world.registry.rollback("tiny", oldest ?? "");
    world.now += DAY;
    const before = new Map(world.store.values);
    // Version 0 serves, version 7 did before; 5 to 7 are the newest three, and 4 is of the last 5 days.
    const pruning = world.prune({ keep: 3, days: 5 });
    const plan = await pruning.plan();
    expect(world.store.values).toEqual(before);
    expect(plan.versions).toEqual(
      MODELS.slice(1, 4)
        .map(({ version }) => version)
        .sort(),
    );
    expect(plan.forgotten).toHaveLength(3);
    // Pages 2, 8 and 90 are those of versions that stay.
    expect(plan.pages).toBe(5);
    expect(await pruning.remove(plan)).toEqual(plan);
    expect(await world.faults()).toEqual([]);
    expect([...before.keys()].filter((key) => !world.store.values.has(key)).sort()).toEqual(
      [
        ...plan.versions.flatMap((version) => [blobKey(version), manifestKey(version)]),
        ...(MODELS[1]?.pages.slice(1, 3).map(({ digest }) => pageKey(digest)) ?? []),
        ...(MODELS[2]?.pages.slice(1, 3).map(({ digest }) => pageKey(digest)) ?? []),
        ...(MODELS[3]?.pages.slice(1, 2).map(({ digest }) => pageKey(digest)) ?? []),
      ].sort(),
    );
    expect(await world.store.keys("removing/")).toEqual(new Set());
    await expect(world.registry.rollback("tiny", second ?? "")).rejects.toThrow("no version of its history");
    expect(await world.prune({ keep: 3, days: 5 }).plan()).toEqual(NOTHING);
    // What was removed can be published again.
    await world.publish(MODELS[1] as PagedModel);
    expect(await world.faults()).toEqual([]);
  });

  it("keeps the versions that arms of experiments name, and removes nothing where it cannot know them", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 5)) await world.publish(model);
    world.now += 30 * DAY;
    const [first, second, third] = MODELS.map(({ version }) => `tiny@${version}`);
    const arms = [
      { arm: "pinned", model: first },
      { arm: "draft", model: "tiny", policy: { policy: "team-draft", rival: second } },
      { arm: "shadowed", model: "tiny", shadow: { model: third, share: 0.1 } },
    ].map((arm) => parseArm(arm));
    const experiments = new ExperimentRegistry(world.store, () => world.now);
    await experiments.create({ name: "order", list: "home", arms, attribute: "uid" }, false);
    expect(await world.prune({ keep: 1, days: 1 }).plan()).toEqual(NOTHING);
    world.store.values.set(experimentsKey(), JSON.stringify({ features: {} }));
    expect((await world.prune({ keep: 1, days: 1 }).plan()).versions).toHaveLength(3);
    world.store.values.set(experimentsKey(), "{");
    await expect(world.prune({ keep: 1, days: 1 }).plan()).rejects.toThrow("which versions experiments need");
    expect(await world.faults().catch(() => [])).toEqual([]);
  });

  it("and the history of many publications keep what serves, served before, or is an arm's", async () => {
    const world = new World();
    const older = Array.from({ length: MAX_HISTORY }, (_, i) => i.toString(16).padStart(64, "0"));
    const [arm, previous, serves, ...others] = MODELS as [PagedModel, PagedModel, PagedModel, ...PagedModel[]];
    for (const model of [arm, previous, serves]) await world.publish(model);
    const experiments = new ExperimentRegistry(world.store, () => world.now);
    const arms = [
      { arm: "pinned", model: `tiny@${arm.version}` },
      { arm: "moving", model: "tiny" },
    ].map((one) => parseArm(one));
    await experiments.create({ name: "order", list: "home", arms, attribute: "uid" }, false);
    const histories = async (): Promise<string[]> =>
      (await world.registry.history("tiny")).map(({ version }) => version);
    const own = await world.registry.history("tiny");
    const filled = older.slice(own.length).map((version) => ({ ...own[0], version })) as History;
    world.store.values.set(historyKey("tiny"), writeHistory([...filled, ...own]));
    for (const model of others.slice(0, 3)) await world.publish(model, "tiny", false);
    const history = await histories();
    expect(history).toHaveLength(MAX_HISTORY);
    expect(history.slice(-3)).toEqual([serves, previous, arm].map(({ version }) => version));
    expect(history.slice(2, 5)).toEqual([others[0].version, ...filled.slice(0, 2).map(({ version }) => version)]);

    // Where arms cannot be known, nothing is forgotten; a repair goes on all the same.
    world.store.values.set(experimentsKey(), "{");
    const writes = world.store.changed.length;
    await expect(world.publish(others[3], "tiny", false)).rejects.toThrow("which versions experiments need");
    expect(world.store.changed).toHaveLength(writes);
    const repair = new Publication(world.store, { clock: world.clock, repair: true });
    await repair.run(others[3], { switches: false });
    expect((await histories()).slice(0, 1)).toEqual([others[3].version]);
  });

  it("of one model leaves the others, also a version that both have", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 3)) await world.publish(model);
    for (const model of MODELS.slice(2, 5)) await world.publish(model, "tiny", true);
    world.now += 30 * DAY;
    await expect(world.prune({ model: "ads", keep: 1, days: 1 }).plan()).rejects.toThrow(
      "got the model ads, expected tiny",
    );
    expect((await world.prune({ model: "tiny", keep: 1, days: 1 }).plan()).versions).toHaveLength(3);
  });

  it("removes nothing where it cannot know what belongs to a version that stays", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 4)) await world.publish(model);
    world.now += 30 * DAY;
    const { version } = MODELS[3] as PagedModel;
    world.store.values.delete(manifestKey(version)); // the blob says it too
    expect((await world.prune({ keep: 1, days: 1 }).plan()).versions).toHaveLength(2);
    world.store.values.set(blobKey(version), "damaged");
    await expect(world.prune({ keep: 1, days: 1 }).plan()).rejects.toThrow(
      `the pages of ${version}, which stays, are not known, so that nothing is removed`,
    );
    world.store.values.set(pointerKey("tiny"), "{");
    await expect(world.prune({ keep: 1, days: 1 }).plan()).rejects.toThrow("models/tiny: not JSON");
    world.store.values.delete(pointerKey("tiny"));
    world.store.values.set(historyKey("tiny"), "{");
    await expect(world.prune({ keep: 1, days: 1 }).plan()).rejects.toThrow("versions/tiny: not JSON");
  });

  it("leaves what an upload counts on, and a version that is made to serve meanwhile", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 4)) await world.publish(model);
    world.now += 30 * DAY;
    const [, older] = MODELS as [PagedModel, PagedModel];
    const pruning = world.prune({ keep: 1, days: 1 });
    const plan = await pruning.plan();
    expect(plan.versions).toContain(older.version);
    // A rollback to it when its manifest is about to be deleted.
    const store = world.store;
    store.onChange = async () => {
      if (!store.values.has(`removing/${older.version}`) || (await world.registry.history("tiny")).length < 4) return;
      store.onChange = () => {};
      await world.registry.rollback("tiny", older.version);
    };
    const removed = await pruning.remove(plan);
    expect(removed.versions).not.toContain(older.version);
    expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);

    // An upload that counts on the pages of a version which is removed meanwhile.
    const [used, counting] = [MODELS[5] as PagedModel, await pagedModel("counting", pageContents(12, 10))];
    await world.publish(used, "tiny");
    await world.publish(MODELS[9] as PagedModel);
    await world.publish(MODELS[10] as PagedModel);
    world.now += 30 * DAY;
    const again = world.prune({ keep: 1, days: 1 });
    const second = await again.plan();
    expect(second.versions).toContain(used.version);
    store.onChange = async () => {
      if (!store.values.has(`uploading/${counting.version}`)) return;
      store.onChange = () => {};
      expect((await again.remove(second)).versions).toContain(used.version);
    };
    await world.publish(counting);
    expect(await world.faults()).toEqual([]);
  });

  it("leaves an upload that is under way, of however few days versions stay", async () => {
    const world = new World();
    const { store } = world;
    const [model, other] = MODELS as [PagedModel, PagedModel];
    await world.publish(other);
    store.failAfter = 4; // the journal, two pages, how far that is, and two more
    await expect(world.publish(model)).rejects.toThrow("broke off");
    store.failAfter = Number.POSITIVE_INFINITY;
    const uploading = new Map(store.values);
    const pruning = world.prune({ keep: 0, days: 0 });
    // Its last value counts, and not when it began.
    for (const hours of [0.001, 23]) {
      world.now += hours * 3_600_000;
      expect(await pruning.remove(await pruning.plan())).toEqual(NOTHING);
      expect(store.values).toEqual(uploading);
      store.values.set(uploadedKey(model.version), writeUploaded({ time: world.now, values: 4 }));
      uploading.set(uploadedKey(model.version), writeUploaded({ time: world.now, values: 4 }));
    }
    world.now += DAY + 1;
    expect((await pruning.plan()).versions).toEqual([model.version]);
  });

  it("of one model leaves what a stopped upload of another counts on, of whatever age, until that goes itself", async () => {
    const world = new World();
    const { store } = world;
    const [older, newer] = MODELS as [PagedModel, PagedModel];
    await world.publish(older, "ads");
    await world.publish(MODELS[6] as PagedModel, "ads");
    await world.publish(MODELS[7] as PagedModel, "ads");
    // It counts on pages 0 and 1 of the oldest, and is killed when all of its pages are there.
    const counting = await pagedModel("counting", [...pageContents(2), ...pageContents(2, 50)]);
    store.failAfter = 3; // the journal, two pages, how far that is
    await expect(world.publish(counting)).rejects.toThrow("broke off");
    store.failAfter = Number.POSITIVE_INFINITY;
    world.now += 30 * DAY;
    const pruning = world.prune({ model: "ads", keep: 1, days: 1 });
    expect(await pruning.remove(await pruning.plan())).toMatchObject({ versions: [older.version], pages: 1 });
    expect(await world.publish(counting)).toMatchObject({ uploaded: 1, present: 4 });
    expect(await world.faults()).toEqual([]);

    store.failAfter = 3;
    await expect(world.publish(newer)).rejects.toThrow("broke off");
    store.failAfter = Number.POSITIVE_INFINITY;
    world.now += 30 * DAY;
    const all = world.prune({ keep: 1, days: 1 });
    expect((await all.plan()).versions).toEqual([newer.version]);
    await all.remove(await all.plan());
    expect(await store.keys("upload")).toEqual(new Set());
    expect(await world.faults()).toEqual([]);
  });

  it("counts days from when versions were published, also behind a pointer of a clock that is years ahead", async () => {
    const world = new World();
    world.now += 3650 * DAY;
    await world.publish(MODELS[0] as PagedModel);
    world.now = START;
    for (const model of MODELS.slice(1, 5)) await world.publish(model);
    const [newest, ...others] = await world.registry.history("tiny");
    expect(newest?.time).toBe(START);
    expect((await world.registry.pointer("tiny"))?.since).toBeGreaterThan(START + 3650 * DAY);
    world.now += 30 * DAY;
    const { forgotten } = await world.prune({ keep: 2, days: 1 }).plan();
    // Of the one that was published in years to come it is not known when that was.
    expect(forgotten.map(({ version }) => version)).toEqual(others.slice(1, 3).map(({ version }) => version));
  });

  it("leaves in its history what is made to serve before the plan is carried out", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 4)) await world.publish(model);
    const [oldest] = MODELS as [PagedModel];
    world.now += 30 * DAY;
    const pruning = world.prune({ keep: 1, days: 1 });
    const plan = await pruning.plan();
    expect(plan.forgotten).toContainEqual({ model: "tiny", version: oldest.version });
    await world.registry.rollback("tiny", oldest.version);
    const { forgotten } = await pruning.remove(plan);
    expect(forgotten.map(({ version }) => version)).not.toContain(oldest.version);
    expect((await world.registry.history("tiny")).map(({ version }) => version)).toContain(oldest.version);
    expect(await world.faults()).toEqual([]);
  });

  it("killed at any step, leaves whole what stays, and the next one ends it", async () => {
    let end: string[] = [];
    for (let steps = 30; steps >= 0; steps--) {
      const world = new World();
      for (const model of MODELS.slice(0, 5)) await world.publish(model);
      world.now += 30 * DAY;
      const pruning = world.prune({ keep: 1, days: 1 });
      const plan = await pruning.plan();
      world.store.failAfter = steps;
      const error = await pruning.remove(plan).then(
        () => null,
        (thrown: Error) => thrown.message,
      );
      world.store.failAfter = Number.POSITIVE_INFINITY;
      expect(await world.faults(), `after ${steps} steps`).toEqual([]);
      if (error === null) end = [...world.store.values.keys()].sort();
      else expect(error).toBe("the connection broke off");
      const next = world.prune({ keep: 1, days: 1 });
      await next.remove(await next.plan());
      expect([...world.store.values.keys()].sort(), `after ${steps} steps`).toEqual(end);
    }
    expect(end.filter((key) => key.startsWith("blob/"))).toHaveLength(2);
  });

  it("never deletes what a version that stays needs, whatever was published, stopped, rolled back and pruned", async () => {
    let [removed, stopped] = [0, 0];
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const world = new World();
      for (let step = 0; step < 25; step++) {
        world.now += integer(random, 0, 3 * DAY);
        if (random() < 0.3) world.store.failAfter = integer(random, 0, 12);
        try {
          const kind = integer(random, 0, 9);
          if (kind < 5) await world.publish(pick(random, MODELS), "tiny", random() < 0.8);
          else if (kind === 5)
            await world.registry.rollback("tiny", random() < 0.5 ? null : pick(random, MODELS).version);
          else if (kind === 6) await world.registry.pin("tiny", pick(random, MODELS).version);
          else if (kind === 7) await world.registry.unpin("tiny");
          else {
            const pruning = world.prune({ keep: integer(random, 0, 3), days: integer(random, 0, 8) });
            removed += (await pruning.remove(await pruning.plan())).versions.length;
          }
        } catch (error) {
          if (!/broke off|^tiny: got/.test((error as Error).message)) throw error;
          if (/broke off/.test((error as Error).message)) stopped++;
        }
        world.store.failAfter = Number.POSITIVE_INFINITY;
        expect(await world.faults(), `seed ${seed}, step ${step}`).toEqual([]);
      }
      // Nothing is left over, however often publishers and prunings were stopped.
      await world.publish(pick(random, MODELS));
      world.now += 30 * DAY;
      const last = world.prune({ keep: 0, days: 1 });
      await last.remove(await last.plan());
      for (const journal of ["upload", "removing/"]) expect(await world.store.keys(journal)).toEqual(new Set());
      expect(await world.faults(), `seed ${seed}`).toEqual([]);
      const { pointer } = (await world.registry.list())[0] ?? {};
      const left = new Set([pointer?.version, pointer?.previous]);
      const pages = new Set(
        MODELS.filter(({ version }) => left.has(version)).flatMap(({ pages: own }) =>
          own.map(({ digest }) => pageKey(digest)),
        ),
      );
      expect(await world.store.keys("page/"), `seed ${seed}`).toEqual(pages);
      expect([...(await world.store.keys("blob/"))].length).toBe([...left].filter((version) => version).length);
      expect(await world.store.keys("manifest/")).toEqual(
        new Set([...(await world.store.keys("blob/"))].map((key) => key.replace("blob", "manifest"))),
      );
    }
    expect(removed).toBeGreaterThan(25);
    expect(stopped).toBeGreaterThan(25);
  });

  it("plans the journal of a version that goes as a part of it, as it is removed", async () => {
    const world = new World();
    for (const model of MODELS.slice(0, 4)) await world.publish(model);
    const { version } = MODELS[0] as PagedModel;
    world.store.values.set(uploadedKey(version), writeUploaded({ time: world.now, values: 1 }));
    world.now += 30 * DAY;
    const pruning = world.prune({ keep: 1, days: 1 });
    const plan = await pruning.plan();
    expect(plan).toMatchObject({ journals: [] });
    expect(plan.versions).toContain(version);
    expect(await pruning.remove(plan)).toEqual(plan);
    expect(await world.store.keys("uploaded/")).toEqual(new Set());
  });

  it("ends what is left of uploads that were stopped, a day after", async () => {
    const world = new World();
    const { store } = world;
    const [model] = MODELS as [PagedModel];
    const { version } = model;
    await world.publish(model);
    // As if the publisher had been killed when all but the journal was done, and a pruning before it deleted anything.
    const manifest = JSON.parse(store.values.get(manifestKey(version)) ?? "");
    store.values.set(uploadKey(version), JSON.stringify({ time: world.now, ...manifest }));
    store.values.set(uploadedKey(version), writeUploaded({ time: world.now, values: 5 }));
    store.values.set(removalKey(version), JSON.stringify(manifest));
    store.values.set(uploadedKey("ab".repeat(32)), "{");
    const keys = [uploadKey(version), uploadedKey(version)].sort();
    const [others, orphan] = [[removalKey(version)], uploadedKey("ab".repeat(32))];
    const pruning = world.prune({ keep: 5, days: 14 });
    expect((await pruning.plan()).journals).toEqual([...others, orphan].sort());
    world.now += DAY + 1;
    const plan = await pruning.plan();
    expect(plan).toEqual({ ...NOTHING, journals: [...others, orphan, ...keys].sort() });
    // An upload that has begun again in between keeps its journal.
    store.values.set(uploadedKey(version), writeUploaded({ time: world.now, values: 6 }));
    expect((await pruning.remove(plan)).journals).toEqual([...others, orphan].sort());
    expect(await store.keys("upload")).toEqual(new Set(keys));
    world.now += DAY + 1;
    expect((await pruning.remove(await pruning.plan())).journals).toEqual(keys);
    expect(await pruning.plan()).toEqual(NOTHING);
    expect(await world.faults()).toEqual([]);
  });

  it("keeps everything because of a damaged journal, until it is known to be a day old", async () => {
    const world = new World();
    const { store } = world;
    for (const model of MODELS.slice(0, 4)) await world.publish(model);
    world.now += 30 * DAY;
    const pruning = world.prune({ keep: 1, days: 1 });
    const versions = (await pruning.plan()).versions;
    expect(versions).toHaveLength(2);
    const unknown = "cd".repeat(32);
    store.values.set(uploadKey(unknown), "{");
    const before = new Map(store.values);
    expect(await pruning.plan()).toEqual({ ...NOTHING, unknown: [unknown] });
    expect(store.values).toEqual(before);
    expect(await pruning.remove(await pruning.plan())).toEqual({ ...NOTHING, unknown: [unknown] });
    world.now += DAY - 1;
    expect((await pruning.remove(await pruning.plan())).unknown).toEqual([unknown]);
    world.now += 2;
    const removed = await pruning.remove(await pruning.plan());
    expect(removed).toMatchObject({ versions, journals: [uploadedKey(unknown), uploadKey(unknown)].sort() });
    expect(await store.keys("upload")).toEqual(new Set());
    expect(await world.faults()).toEqual([]);

    // Of a version with a manifest the pages are known, and the others go; its journal is a day old a day later.
    const { version } = MODELS[3] as PagedModel;
    store.values.set(uploadKey(version), "{");
    const known = await pruning.remove(await pruning.plan());
    expect(known).toMatchObject({ unknown: [], journals: [] });
    world.now += DAY + 1;
    expect((await pruning.remove(await pruning.plan())).journals).toEqual(
      [uploadedKey(version), uploadKey(version)].sort(),
    );
    expect(await world.faults()).toEqual([]);
  });
});
