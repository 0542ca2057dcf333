// Going back to a version of a model that a store has.
import { describe, expect, it } from "vitest";
import { ModelRegistry } from "../../deploy/registry.ts";
import { writePointer } from "../../format/pointer.ts";
import { sealBlob } from "../../format/seal.ts";
import { readPublicKeys, readSigningKey } from "../../format/signature.ts";
import { verifyStatement } from "../../format/signed-pointer.ts";
import { blobKey, defaultKey, earlierPointerKey, pointerKey } from "../../format/store.ts";
import { PRIVATE_KEY, PUBLIC_KEY } from "../../testing/format/golden.ts";
import { type PagedModel, pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { MemoryKv } from "./memory-kv.ts";
import { pointed, publication } from "./publications.ts";

const HOUR = 3_600_000;

describe("rollback", async () => {
  const key = await readSigningKey(PRIVATE_KEY, "RFC 8032");
  const UNSIGNED = await Promise.all([1, 2, 3].map((i) => pagedModel(`number ${i}`, pageContents(1))));
  const [oldest] = UNSIGNED as [PagedModel];
  const [first = "", second = "", third = ""] = UNSIGNED.map(({ version }) => version);
  const signedAt = async (serial: number) => {
    const blob = oldest.blob.slice();
    return { ...oldest, version: await sealBlob(blob, { key, serial }), blob };
  };
  const publishedThree = async (): Promise<MemoryKv> => {
    const store = new MemoryKv();
    for (const model of UNSIGNED) await publication(store).run(model, { deadline: 20 });
    store.calls.length = 0;
    return store;
  };

  it("writes the pointer alone: the version before, or one of the history, always newer than before", async () => {
    const store = await publishedThree();
    const registry = new ModelRegistry(store);
    const { since } = pointed(store, "tiny");
    expect(await registry.rollback("tiny", null)).toEqual({ from: third, to: second, pinned: false });
    expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: third, deadline: 20 });
    expect(pointed(store, "tiny").since).toBeGreaterThan(since);
    expect(await registry.rollback("tiny", first.slice(0, 8))).toEqual({ from: second, to: first, pinned: false });
    const written = store.calls.filter(({ call }) => call !== "texts");
    expect(written.map(({ keys }) => keys)).toEqual([[pointerKey("tiny")], [pointerKey("tiny")]]);
  });

  it("makes the first model of a store that serves the default one, as a publication does", async () => {
    const store = new MemoryKv();
    const registry = new ModelRegistry(store);
    await publication(store).run(oldest, { switches: false });
    await publication(store).run(oldest, { model: "ads", switches: false });
    expect(await registry.default()).toBeNull();
    await expect(registry.rollback("tiny", null)).rejects.toThrow("got no version that serves, expected VERSION");
    expect(await registry.rollback("tiny", first)).toEqual({ from: null, to: first, pinned: false });
    expect(await registry.default()).toBe("tiny");
    await registry.pin("ads", first);
    expect(await registry.default()).toBe("tiny");
    store.values.delete(defaultKey());
    store.values.delete(pointerKey("ads"));
    const earlier = { model: "tiny", version: first }; // which is the default of a store of earlier publishers
    store.values.set(earlierPointerKey(), JSON.stringify(earlier));
    await registry.pin("ads", first);
    expect(await registry.default()).toBeNull();
  });

  it("says what there is no way back to", async () => {
    const store = await publishedThree();
    const registry = new ModelRegistry(store);
    await expect(registry.rollback("tiny", third)).rejects.toThrow(`tiny: got version ${third}, which serves already`);
    await expect(registry.rollback("tiny", "12345678")).rejects.toThrow("which is no version of its history");
    await expect(registry.rollback("tiny", first.slice(0, 7))).rejects.toThrow(
      "or at least 8 of its lower-case hex digits",
    );
    await expect(registry.rollback("ads", null)).rejects.toThrow("ads: got no pointer");
    await expect(registry.rollback("ads", first)).rejects.toThrow("ads: got no history");
    await expect(registry.rollback("Ads!", null)).rejects.toThrow('model: got "Ads!"');
    store.values.delete(blobKey(second));
    await expect(registry.rollback("tiny", null)).rejects.toThrow("whose blob is not in the store");
    const once = new MemoryKv();
    await publication(once).run(oldest);
    await expect(new ModelRegistry(once).rollback("tiny", null)).rejects.toThrow("got no version that served before");
  });

  it("of a signed model signs the pointer, with a later serial number than the one before", async () => {
    const store = new MemoryKv();
    const now = Date.UTC(2026, 5, 1);
    // The clock that signed the last one is an hour ahead.
    const SIGNED = await Promise.all([1000, 1001, now + HOUR].map(signedAt));
    const [one, two] = SIGNED as [PagedModel, PagedModel];
    for (const model of SIGNED) await publication(store).run(model);
    const registry = new ModelRegistry(store, () => now);
    await expect(registry.rollback("tiny", null)).rejects.toThrow(
      `tiny: got version ${two.version}, which is signed, expected --key`,
    );
    const trusted = await readPublicKeys(PUBLIC_KEY, "keys");
    for (const [i, to] of [two.version, one.version].entries()) {
      await registry.rollback("tiny", to, key);
      const { signed, version } = pointed(store, "tiny");
      expect([version, signed?.serial]).toEqual([to, now + HOUR + 1 + i]);
      if (!signed) throw new Error("not signed");
      await expect(verifyStatement(signed, { model: "tiny", version }, trusted, "pointer")).resolves.toBeUndefined();
    }
    // Publishing what serves leaves what the key said of it; publishing another version does not.
    await publication(store).run(one, { deadline: 30 });
    expect(pointed(store, "tiny")).toMatchObject({ deadline: 30, signed: { serial: now + HOUR + 2 } });
    await publication(store).run(await signedAt(now + HOUR + 2));
    expect(pointed(store, "tiny").signed).toBeUndefined();
    // A time that nobody can have signed yet is not counted on from.
    const far = { serial: now + 10 ** 10, key: "ab".repeat(16), signature: `${"A".repeat(86)}==` };
    store.values.set(pointerKey("tiny"), writePointer({ ...pointed(store, "tiny"), signed: far }));
    const served = (await signedAt(now - 5)).version;
    await publication(store).run(await signedAt(now - 5), { switches: false });
    store.values.set(pointerKey("tiny"), writePointer({ ...pointed(store, "tiny"), version: served, signed: far }));
    await registry.rollback("tiny", one.version, key);
    expect(pointed(store, "tiny").signed?.serial).toBe(now);
    await publication(store).run(oldest, { switches: false });
    await expect(registry.rollback("tiny", first, key)).rejects.toThrow(
      `--key: got a key, expected none: version ${first} of tiny is not signed`,
    );
  });

  it("leads to no blob that is damaged, another version's, or lacks a part", async () => {
    const store = await publishedThree();
    const long = await pagedModel("long", pageContents(1), 26 * 2 ** 20);
    await publication(store).run(long, { switches: false });
    const registry = new ModelRegistry(store);
    const pointer = store.values.get(pointerKey("tiny"));
    const damaged = Buffer.from(oldest.blob);
    damaged.writeUInt8(1, damaged.length - 1);
    store.values.set(blobKey(first), damaged.toString("latin1"));
    store.values.set(blobKey(second), Buffer.from(oldest.blob).toString("latin1"));
    store.values.delete(`${blobKey(long.version)}.1`);
    const faults = [
      [first, `${blobKey(first)}: blob: got the version `],
      [second, `${blobKey(second)}: blob: got the version ${first} from its bytes, expected ${second}`],
      [long.version, `${blobKey(long.version)}.1: missing`],
    ] as const;
    for (const [version, fault] of faults) {
      const refused = `tiny: got version ${version}, of which ${fault}`;
      await expect(registry.rollback("tiny", version)).rejects.toThrow(refused);
      await expect(registry.pin("tiny", version)).rejects.toThrow(
        "; `publish --repair --no-switch` of its export writes",
      );
    }
    expect(store.values.get(pointerKey("tiny"))).toBe(pointer);
    for (const model of [oldest, long]) await publication(store, true).run(model, { switches: false });
    await registry.rollback("tiny", long.version);
    await registry.pin("tiny", first);
  });

  it("to a version that is named writes a damaged pointer anew", async () => {
    const store = await publishedThree();
    store.values.set(pointerKey("tiny"), "{");
    const registry = new ModelRegistry(store);
    const problem = expect.stringContaining("models/tiny: not JSON");
    expect(await registry.list()).toMatchObject([{ model: "tiny", pointer: null, problem }]);
    await expect(registry.rollback("tiny", null)).rejects.toThrow("models/tiny: not JSON");
    expect(await registry.rollback("tiny", second)).toEqual({ from: null, to: second, pinned: false });
    expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: null });
  });
});
