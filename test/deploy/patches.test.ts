import { describe, expect, it } from "vitest";
import type { UploadCost } from "../../deploy/cost.ts";
import { Pruning } from "../../deploy/prune.ts";
import { Publication, type UploadOptions } from "../../deploy/publication.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { storedBlob } from "../../deploy/stored-version.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { isPatch, readPatchHeader } from "../../format/patch.ts";
import { readPointer } from "../../format/pointer.ts";
import { readPublishedManifest } from "../../format/published-manifest.ts";
import { blobKey, historyKey, manifestKey, pageKey, pointerKey, uploadedKey, uploadKey } from "../../format/store.ts";
import { readUpload } from "../../format/upload.ts";
import type { PagedModel } from "../../testing/format/paged-model.ts";
import { pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { updatedModels } from "../../testing/format/patched-models.ts";
import { integer, pick, seeded } from "../../testing/format/random.ts";
import { MemoryKv } from "./memory-kv.ts";

const DAY = 86_400_000;
const MODELS = await updatedModels(8);
const [first, second, third, fourth] = MODELS as [PagedModel, PagedModel, PagedModel, PagedModel];

/** Publishes with patches that need save one byte alone. */
function publish(store: MemoryKv, model: PagedModel, options: UploadOptions = {}, release = {}) {
  return new Publication(store, { leastSaved: 1, batchKeys: 2, ...options }).run(model, release);
}

/** The version that a blob is stored as a patch of; null: as it is. */
function baseIn(store: MemoryKv, { version }: PagedModel): string | null {
  const value = Buffer.from(store.values.get(blobKey(version)) ?? "", "latin1");
  expect(value.length).toBeGreaterThan(0);
  const base = isPatch(value) ? readPatchHeader(value).base : null;
  const manifest = store.values.get(manifestKey(version));
  if (manifest !== undefined) expect(readPublishedManifest(manifest, version).base).toBe(base);
  return base;
}

async function faultsOf(store: MemoryKv, version: string | null = null): Promise<string[]> {
  return (await verifyVersion(store, "tiny", version)).faults;
}

const servingIn = (store: MemoryKv): string => readPointer(store.values.get(pointerKey("tiny")) ?? "", "tiny").version;

describe("an update's blob", () => {
  it("is stored as a patch of the blob that serves, and the next one's as a patch of the same", async () => {
    const store = new MemoryKv();
    const said: string[] = [];
    const options = { say: (what: string) => void said.push(what) };
    await publish(store, first, options);
    expect(said).toEqual([]);
    expect(await publish(store, second, options)).toMatchObject({ uploaded: 2, present: 4 });
    await publish(store, third, options);
    expect(MODELS.slice(0, 3).map((model) => baseIn(store, model))).toEqual([null, first.version, first.version]);
    const bytes = store.values.get(blobKey(second.version))?.length ?? 0;
    expect(bytes).toBeLessThan(second.blob.length / 4);
    expect(said[0]).toBe(
      `blob: ${(bytes / 1024).toFixed(1)} KiB, a patch of ${first.version}, in place of ` +
        `${(second.blob.length / 1024).toFixed(1)} KiB`,
    );
    for (const { version, blob } of MODELS.slice(0, 3)) {
      expect(await faultsOf(store, version)).toEqual([]);
      expect(Buffer.compare((await storedBlob(store, version))?.bytes ?? new Uint8Array(0), blob)).toBe(0);
    }
    // Again: nothing is written, and what it is a patch of stays known.
    expect(await publish(store, third, options)).toMatchObject({ uploaded: 0, present: 7 });
    expect(said).toHaveLength(2);
    expect(baseIn(store, third)).toBe(first.version);
    expect(await new ModelRegistry(store).rollback("tiny", null)).toMatchObject({ to: second.version });
  });

  it("is a patch of the newest version where the model is pinned to another that is not like it", async () => {
    const store = new MemoryKv();
    const other = await pagedModel("other", pageContents(2), 20_000);
    await publish(store, other);
    await new ModelRegistry(store).pin("tiny", other.version);
    await publish(store, first);
    await publish(store, second);
    expect([other, first, second].map((model) => baseIn(store, model))).toEqual([null, null, first.version]);
  });

  it("is stored as it is where a patch would save too little, and where a base is damaged or not known", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    await publish(store, second, { leastSaved: second.blob.length });
    expect(baseIn(store, second)).toBeNull();
    // A value that is there stays as it is, as others may be patches of it.
    store.values.delete(manifestKey(second.version));
    await publish(store, second);
    expect(baseIn(store, second)).toBeNull();
    for (const key of [blobKey(second.version), manifestKey(second.version)]) {
      const value = store.values.get(key) ?? "";
      store.values.set(key, "damaged");
      await publish(store, third, {}, { switches: false });
      expect(baseIn(store, third)).toBeNull();
      store.values.set(key, value);
      for (const mine of [blobKey, manifestKey]) store.values.delete(mine(third.version));
    }
    for (const key of [historyKey, pointerKey]) store.values.set(key("tiny"), "{");
    await publish(store, fourth, { repair: true });
    expect(baseIn(store, fourth)).toBeNull();
  });

  it("costs the bytes of the patch", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    const costs: UploadCost[] = [];
    await publish(store, second, { approve: async (cost) => void costs.push(cost) });
    const page = Buffer.from("page 4").toString("base64").length;
    const patch = store.values.get(blobKey(second.version))?.length ?? 0;
    expect(costs).toEqual([{ writes: 1 + 1 + 1 + 8, reads: 5 + 1 + 8 + 2, bytes: page + patch }]);
  });
});

describe("a patch that is damaged", () => {
  it("is found by verify, and by a publication's sample, and a repair writes it again", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    await publish(store, second);
    const key = blobKey(second.version);
    const whole = store.values.get(key) ?? "";
    const at = whole.length - 1;
    for (const damaged of [whole.slice(0, at), `${whole.slice(0, at)}${whole[at] === "x" ? "y" : "x"}`]) {
      store.values.set(key, damaged);
      expect((await faultsOf(store))[0]).toMatch(new RegExp(`^${key}: `));
      await expect(publish(store, second)).rejects.toThrow(`${key}: got another value back`);
      expect(await publish(store, second, { repair: true })).toMatchObject({ uploaded: 0, repaired: 1 });
      expect(store.values.get(key)).toBe(whole);
      expect(await faultsOf(store)).toEqual([]);
    }
    const manifest = store.values.get(manifestKey(second.version)) ?? "";
    store.values.set(manifestKey(second.version), manifest.replace(`"base":"${first.version}",`, ""));
    expect(await faultsOf(store)).toEqual([
      `${manifestKey(second.version)}: got the base none, expected ${first.version} as in ${key}`,
    ]);
  });

  it("or whose base is missing, damaged or a patch, is written as it is by a repair", async () => {
    const base = blobKey(first.version);
    const key = blobKey(second.version);
    for (const [damage, fault] of [
      [() => null, `${base}: missing, of which ${key} is a patch`],
      [(value: string) => `${value.slice(0, 500)}x${value.slice(501)}`, `${base}: blob: got the version `],
      [(_: string, patch: string) => patch, `${base}: got a patch, expected a blob as it is`],
    ] as [(value: string, patch: string) => string | null, string][]) {
      const store = new MemoryKv();
      await publish(store, first);
      await publish(store, second);
      const damaged = damage(store.values.get(base) ?? "", store.values.get(key) ?? "");
      if (damaged === null) store.values.delete(base);
      else store.values.set(base, damaged);
      expect((await faultsOf(store))[0]).toContain(fault);
      await expect(new ModelRegistry(store).pin("tiny", second.version)).resolves.toMatchObject({ to: second.version });
      await expect(publish(store, second)).rejects.toThrow(`${base}: got another value back`);
      expect(await publish(store, second, { repair: true })).toMatchObject({ uploaded: 0, repaired: 1 });
      expect(baseIn(store, second)).toBeNull();
      expect(await faultsOf(store)).toEqual([]);
    }
  });
});

describe("a publication of a patch", () => {
  it("killed at any step, leaves the version before serving, and the next one sends only the rest", async () => {
    for (let steps = 0; ; steps++) {
      const store = new MemoryKv();
      await publish(store, first);
      const mark = store.calls.length;
      store.failAfter = steps;
      const error = await publish(store, third).then(
        () => null,
        (thrown: Error) => thrown.message,
      );
      store.failAfter = Number.POSITIVE_INFINITY;
      if (error === null) {
        // Journal, the pages and the patch with their progress, manifest, history, pointer, 1 deletion of both.
        expect(steps).toBe(1 + 2 * 2 + 3 + 1);
        break;
      }
      expect(error).toBe("the connection broke off");
      expect(servingIn(store)).toBe(steps < 8 ? first.version : third.version);
      expect(await faultsOf(store)).toEqual([]);
      const sent = new Set(store.calls.slice(mark).flatMap(({ call, keys }) => (call === "putBytes" ? keys : [])));
      const isNoted = (store.values.get(uploadedKey(third.version)) ?? "").includes('"values":7');
      // Another version serves meanwhile; the upload goes on as it began.
      await publish(store, second, { leastSaved: second.blob.length });
      store.calls.length = 0;
      await publish(store, third);
      const again = store.calls.filter(({ call }) => call === "putBytes");
      expect(again).toHaveLength(sent.size > 0 && (isNoted || steps > 5) ? 0 : 1);
      if (steps > 0) expect(baseIn(store, third)).toBe(first.version);
      expect(servingIn(store)).toBe(third.version);
      expect(await faultsOf(store)).toEqual([]);
      expect(await store.keys("upload")).toEqual(new Set());
    }
  });

  it("whose base is gone when it goes on, sends the blob as it is, however far it had come", async () => {
    for (const failAfter of [1, 2, 3]) {
      const store = new MemoryKv();
      await publish(store, first);
      await publish(store, fourth, { leastSaved: fourth.blob.length });
      await new ModelRegistry(store).rollback("tiny", first.version);
      store.failAfter = failAfter;
      await expect(publish(store, third)).rejects.toThrow("broke off");
      const { base } = readUpload(store.values.get(uploadKey(third.version)) ?? "", third.version);
      expect(base).not.toBeNull();
      store.failAfter = Number.POSITIVE_INFINITY;
      for (const key of [blobKey, manifestKey]) store.values.delete(key(base ?? ""));
      // Stopped once more, right after it has changed its mind.
      store.failAfter = 2;
      await expect(publish(store, third)).rejects.toThrow("broke off");
      store.failAfter = Number.POSITIVE_INFINITY;
      await publish(store, third, {}, { switches: false });
      expect(baseIn(store, third)).toBeNull();
      expect(await faultsOf(store, third.version)).toEqual([]);
    }
  });

  it("is of no base that is removed while it begins", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    store.onChange = () => {
      store.onChange = () => {};
      store.values.delete(manifestKey(first.version));
    };
    await publish(store, second);
    expect(baseIn(store, second)).toBeNull();
    expect(await faultsOf(store)).toEqual([]);
    expect(await store.keys("upload")).toEqual(new Set());
  });
});

describe("prune", () => {
  /** A store of the first so many models, the first of which the others are patches of, a month later. */
  async function stored(count: number): Promise<{ store: MemoryKv; prune: (keep: number) => Pruning }> {
    const store = new MemoryKv();
    let now = 1_800_000_000_000;
    const clock = { now: () => now, sleep: async () => {} };
    for (const model of MODELS.slice(0, count)) await publish(store, model, { clock });
    now += 30 * DAY;
    return { store, prune: (keep) => new Pruning(store, { model: null, keep, days: 1 }, () => now) };
  }

  it("keeps the base of what stays, with its manifest, though its history forgets it, and else removes it", async () => {
    const { store, prune } = await stored(4);
    const plan = await prune(1).plan();
    expect(plan.forgotten).toHaveLength(2);
    expect(plan.versions).toEqual([second.version]);
    await prune(1).remove(plan);
    expect(await store.keys("blob/")).toEqual(new Set([first, third, fourth].map(({ version }) => blobKey(version))));
    expect(await faultsOf(store)).toEqual([]);
    expect(await prune(1).plan()).toMatchObject({ forgotten: [], versions: [], pages: 0 });
    // Once nothing is a patch of it, it goes.
    const [other, another] = await Promise.all(["x", "y"].map((note) => pagedModel(note, pageContents(2), 20_000)));
    const at = { clock: { now: () => 1_800_000_000_000 + 2 * DAY, sleep: async () => {} } };
    for (const model of [other, another]) await publish(store, model as PagedModel, { ...at, leastSaved: 10 ** 6 });
    const last = await prune(1).plan();
    expect(last.versions).toEqual([first, third, fourth].map(({ version }) => version).sort());
    await prune(1).remove(last);
    expect(await store.keys("blob/")).toEqual(new Set([other, another].map((model) => blobKey(model?.version ?? ""))));
    expect(await store.keys("page/")).toEqual(new Set(other?.pages.map(({ digest }) => pageKey(digest))));
  });

  it("keeps the base that an upload is to be a patch of", async () => {
    const { store, prune } = await stored(1);
    const other = await pagedModel("other", pageContents(2), 20_000);
    await publish(store, other, { leastSaved: 10 ** 6 });
    await new ModelRegistry(store).rollback("tiny", first.version);
    await publish(store, other, { leastSaved: 10 ** 6 });
    await publish(store, await pagedModel("more", pageContents(2), 20_000), { leastSaved: 10 ** 6 });
    const plan = await prune(1).plan();
    expect(plan.versions).toEqual([first.version]);
    // The upload begins when the plan is about to be carried out.
    store.onChange = async () => {
      if (!store.values.has(`removing/${first.version}`)) return;
      store.onChange = () => {};
      const upload = { model: "tiny", time: 1_800_000_000_000 + 30 * DAY, version: second.version };
      store.values.set(
        uploadKey(upload.version),
        (store.values.get(manifestKey(first.version)) ?? "").replace(
          "{",
          `{"time":${upload.time},"base":"${first.version}",`,
        ),
      );
    };
    expect((await prune(1).remove(plan)).versions).toEqual([]);
    expect(store.values.has(manifestKey(first.version))).toBe(true);
    expect(store.values.has(blobKey(first.version))).toBe(true);
  });

  it("never deletes what a version that stays needs, whatever was published, stopped, repaired and pruned", async () => {
    let [patches, stopped, removed] = [0, 0, 0];
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed);
      const store = new MemoryKv();
      let now = 1_800_000_000_000;
      const registry = new ModelRegistry(store, () => now);
      for (let step = 0; step < 25; step++) {
        now += integer(random, 0, 3 * DAY);
        if (random() < 0.3) store.failAfter = integer(random, 0, 10);
        const options = { clock: { now: () => now, sleep: async () => {} }, repair: random() < 0.2 };
        try {
          const kind = integer(random, 0, 7);
          if (kind < 5) await publish(store, pick(random, MODELS), options, { switches: random() < 0.8 });
          else if (kind === 5) await registry.rollback("tiny", null);
          else {
            const pruning = new Pruning(store, { model: null, keep: kind - 5, days: 2 }, () => now);
            removed += (await pruning.remove(await pruning.plan())).versions.length;
          }
        } catch (error) {
          if (!/broke off|^tiny: got/.test((error as Error).message)) throw error;
          if (/broke off/.test((error as Error).message)) stopped++;
        }
        store.failAfter = Number.POSITIVE_INFINITY;
        for (const { history, problem } of await registry.list()) {
          expect(problem).toBeNull();
          for (const { version } of history) {
            expect(await faultsOf(store, version), `seed ${seed}, step ${step}`).toEqual([]);
            if ((await storedBlob(store, version))?.base !== null) patches++;
          }
        }
      }
    }
    expect(patches).toBeGreaterThan(40);
    expect(stopped).toBeGreaterThan(4);
    expect(removed).toBeGreaterThan(4);
  });
});
