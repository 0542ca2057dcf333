import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type KvPair, type KvStore, ValuesTooLarge } from "../../deploy/kv/kv-store.ts";
import { checkFolder, openLocalKv } from "../../deploy/kv/local-kv.ts";
import { Publication, publish } from "../../deploy/publish.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { readHistory } from "../../format/history.ts";
import { readDefault, readPointer, writePointer } from "../../format/pointer.ts";
import { readPublishedManifest } from "../../format/published-manifest.ts";
import { sealBlob } from "../../format/seal.ts";
import { readPublicKeys, readSigningKey } from "../../format/signature.ts";
import { verifyStatement } from "../../format/signed-pointer.ts";
import { blobKey, defaultKey, historyKey, manifestKey, pageKey, pointerKey } from "../../format/store.ts";
import { PRIVATE_KEY, PUBLIC_KEY } from "../../testing/format/golden.ts";
import { openExport } from "../../trainer/export/export.ts";
import { goldenExport, saveGoldenExport } from "./golden-export.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-publish-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = join(folder, "wrangler.toml");
writeFileSync(
  config,
  'name = "shop"\ncompatibility_date = "2026-10-20"\n[[kv_namespaces]]\nbinding = "MODELS"\nid = "shop"\n',
);

describe("publish, into a local KV", () => {
  it("writes the namespace that a configuration binds, only what is not there, and what is damaged again", async () => {
    const exported = await saveGoldenExport(join(folder, "export"), "tiny");
    const { version, pages } = exported;
    const target = { remote: false, config } as const;
    expect(await publish(exported, target)).toEqual({ uploaded: 2, present: 0, repaired: 0 });
    expect(existsSync(join(folder, ".wrangler", "state"))).toBe(true);
    expect(await publish(await openExport(join(folder, "export")), target)).toEqual({
      ...{ uploaded: 0, present: 2, repaired: 0 },
    });

    const [page] = pages.map(({ digest }) => pageKey(digest));
    await using store = await openLocalKv(config);
    await store.putTexts([{ key: String(page), value: "damaged" }]);
    await store.putBytes(blobKey(version), new Uint8Array(9));
    expect(await publication(store, false).run(exported)).toEqual({ uploaded: 0, present: 2, repaired: 0 });
    expect(await publication(store).run(exported)).toEqual({ uploaded: 0, present: 0, repaired: 2 });
    expect((await store.texts([String(page)])).get(String(page))).toBe(Buffer.from(pages[0].bytes).toString("base64"));
    expect(Buffer.compare((await store.bytes(blobKey(version))) ?? new Uint8Array(), exported.blob)).toBe(0);
    const texts = await store.texts([pointerKey("tiny"), defaultKey(), "absent"]);
    const since = readPointer(String(texts.get(pointerKey("tiny"))), "tiny").since;
    expect(readPointer(String(texts.get(pointerKey("tiny"))), "tiny")).toEqual({ version, since, previous: null });
    expect(readDefault(String(texts.get(defaultKey())))).toBe("tiny");
    expect(texts.get("absent")).toBe(null);

    // Values that one answer cannot have are known as such.
    const long = Array.from({ length: 2 }, (_, i) => ({ key: `long/${i}`, value: "x".repeat(2 ** 24) }));
    await store.putTexts(long);
    await expect(store.texts(long.map(({ key }) => key))).rejects.toThrow(ValuesTooLarge);
  });

  it("says which configuration lacks the binding, and which folder is a file", async () => {
    const other = join(folder, "other.toml");
    writeFileSync(other, 'name = "shop"\ncompatibility_date = "2026-10-20"\n');
    const exported = await goldenExport("pnn");
    await expect(publish(exported, { remote: false, config: other })).rejects.toThrow(
      `${other}: got no kv_namespaces with the binding MODELS, expected one`,
    );
    expect(() => checkFolder(config)).toThrow(`${config}: got a file, expected a folder for the local KV`);
    expect(() => checkFolder(join(config, "kv"))).toThrow(`${config} is a file, where a folder is needed`);
    expect(() => checkFolder(folder)).not.toThrow();
    expect(() => checkFolder(join(folder, "absent"))).not.toThrow();
  });

  it("leaves all other files of its folder alone", async () => {
    const persistTo = join(folder, "kv");
    mkdirSync(persistTo);
    writeFileSync(join(persistTo, "precious.txt"), "precious");
    await publish(await goldenExport("pnn"), { remote: false, config, persistTo });
    expect(readFileSync(join(persistTo, "precious.txt"), "utf8")).toBe("precious");
  });
});

/** A store that keeps what is written, and the keys and the bytes of each call. */
class Recording implements KvStore {
  readonly values = new Map<string, string>();
  readonly calls: { call: string; keys: string[]; bytes: number }[] = [];
  /** A value of more bytes is in no answer with others. */
  longestAnswer = Number.POSITIVE_INFINITY;
  /** Writes that succeed before one fails. */
  failAfter = Number.POSITIVE_INFINITY;
  keepValues = true;

  async keys(prefix: string): Promise<Set<string>> {
    return new Set([...this.values.keys()].filter((key) => key.startsWith(prefix)));
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    const bytes = keys.reduce((sum, key) => sum + (this.values.get(key)?.length ?? 0), 0);
    this.calls.push({ call: "texts", keys: [...keys], bytes });
    if (bytes > this.longestAnswer) throw new ValuesTooLarge();
    return new Map(keys.map((key) => [key, this.values.get(key) ?? null]));
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    const value = this.values.get(key);
    return value === undefined ? null : Buffer.from(value, "latin1");
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    this.#mayFail();
    const bytes = pairs.reduce((sum, { value }) => sum + value.length, 0);
    this.calls.push({ call: "putTexts", keys: pairs.map(({ key }) => key), bytes });
    for (const { key, value } of pairs) this.values.set(key, this.keepValues ? value : "");
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    this.#mayFail();
    this.calls.push({ call: "putBytes", keys: [key], bytes: value.length });
    this.values.set(key, Buffer.from(value).toString("latin1"));
  }

  #mayFail(): void {
    if (--this.failAfter < 0) throw new Error("the connection broke off");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const pnn = await goldenExport("pnn");

/** A model whose pages all have the same bytes, under different names. `version` need not be its blob's. */
function modelOf(pages: number, bytes: number, version = "ab".repeat(32)) {
  const page = new Uint8Array(bytes).fill(7);
  const digestOf = (i: number): Uint8Array => new Uint8Array(new Uint32Array([i, 1, 2, 3]).buffer);
  return {
    ...{ model: pnn.model, version, blob: pnn.blob },
    pages: Array.from({ length: pages }, (_, i) => ({ digest: digestOf(i), read: async () => page })),
  };
}

function publication(store: KvStore, verify = true): Publication {
  return new Publication(store, verify, () => {});
}

describe("a publication", () => {
  it("of more text than a string holds is sent in batches of bounded bytes, and the pointer last", async () => {
    const store = new Recording();
    store.keepValues = false;
    const model = modelOf(3100, 2 ** 17);
    expect(await publication(store).run(model)).toEqual({ uploaded: 3101, present: 0, repaired: 0 });
    const total = store.calls.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeGreaterThan(2 ** 29); // the longest string of V8 has 2 ** 29 - 24 characters
    expect(Math.max(...store.calls.map(({ bytes }) => bytes))).toBeLessThanOrEqual(2 ** 23);
    const written = store.calls.filter(({ call }) => call !== "texts").map(({ keys }) => keys);
    const { version } = model;
    expect(written.slice(-5)).toEqual([
      ...[[blobKey(version)], [manifestKey(version)], [historyKey("tiny")], [pointerKey("tiny")], [defaultKey()]],
    ]);
  });

  it("of many small pages is sent in batches of bounded numbers", async () => {
    const store = new Recording();
    const model = modelOf(2500, 100);
    await publication(store).run(model);
    const written = store.calls.filter(({ call }) => call === "putTexts");
    expect(written.map(({ keys }) => keys.length)).toEqual([1000, 1000, 500, 1, 1, 1, 1]);
    store.calls.length = 0;
    expect(await publication(store).run(model)).toEqual({ uploaded: 0, present: 2501, repaired: 0 });
    const read = store.calls.filter(({ call, keys }) => call === "texts" && keys[0]?.startsWith("page/"));
    expect(new Set(read.map(({ keys }) => keys.length))).toEqual(new Set([100]));
  });

  it("that breaks off leaves the pointer, and the next one goes on where it stopped", async () => {
    const store = new Recording();
    await publication(store).run(modelOf(10, 100));
    const before = store.values.get(pointerKey("tiny"));
    const next = modelOf(2500, 100, "cd".repeat(32));
    store.failAfter = 2;
    await expect(publication(store).run(next)).rejects.toThrow("broke off");
    expect(store.values.get(pointerKey("tiny"))).toBe(before);
    store.failAfter = Number.POSITIVE_INFINITY;
    expect(await publication(store).run(next)).toEqual({ uploaded: 491, present: 2010, repaired: 0 });
    expect(store.values.get(pointerKey("tiny"))).toContain(next.version);
  });

  it("repairs values that are too long for one answer", async () => {
    const store = new Recording();
    const model = modelOf(20, 100);
    await publication(store).run(model);
    for (const { digest } of model.pages.slice(3, 6)) store.values.set(pageKey(digest), "x".repeat(9000));
    store.longestAnswer = 8000;
    expect(await publication(store).run(model)).toEqual({ uploaded: 0, present: 18, repaired: 3 });
    expect(await publication(store).run(model)).toEqual({ uploaded: 0, present: 21, repaired: 0 });
  });
});

const VERSIONS = ["a", "b", "c"].map((digit) => digit.repeat(64));
const [first = "", second = "", third = ""] = VERSIONS;

/** What the pointer of a model says. */
function pointed(store: Recording, model: string) {
  return readPointer(store.values.get(pointerKey(model)) ?? "", model);
}

describe("the versions of a model", () => {
  it("are in its history, the newest first, and in their manifests; the pointer knows the one before", async () => {
    const store = new Recording();
    for (const [i, version] of VERSIONS.entries())
      await publication(store).run(modelOf(2, 100, version), { note: `number ${i}` });
    const { since } = pointed(store, "tiny");
    expect(pointed(store, "tiny")).toEqual({ version: third, since, previous: second });
    const history = readHistory(store.values.get(historyKey("tiny")) ?? "", "tiny");
    expect(history.map(({ version, note }) => [version, note])).toEqual([
      ...[
        [third, "number 2"],
        [second, "number 1"],
        [first, "number 0"],
      ],
    ]);
    expect(history[0]).toMatchObject({ bytes: pnn.blob.length, metrics: {}, time: since });
    const manifest = readPublishedManifest(store.values.get(manifestKey(first)) ?? "", first);
    const pageDigests = new Uint8Array(modelOf(2, 100).pages.flatMap(({ digest }) => [...digest]));
    expect(manifest).toEqual({ model: "tiny", bytes: pnn.blob.length, pageDigests });
  });

  it("that serves already keeps its pointer, and what is published later is always newer", async () => {
    const store = new Recording();
    const future = Date.now() + 1e9;
    store.values.set(pointerKey("tiny"), JSON.stringify({ version: first, since: future, previous: null }));
    await publication(store).run(modelOf(1, 100, first));
    expect(pointed(store, "tiny")).toEqual({ version: first, since: future, previous: null });
    await publication(store).run(modelOf(1, 100, second), { deadline: 20 });
    expect(pointed(store, "tiny")).toEqual({ version: second, since: future + 1, deadline: 20, previous: first });
    await publication(store).run(modelOf(1, 100, third));
    expect(pointed(store, "tiny")).toMatchObject({ version: third, since: future + 2, deadline: 20 });
  });

  it("may be published without serving", async () => {
    const store = new Recording();
    await publication(store).run(modelOf(1, 100, first), { switches: false });
    expect([...store.values.keys()].filter((key) => /^(models|default)/.test(key))).toEqual([]);
    await publication(store).run(modelOf(1, 100, first));
    await publication(store).run(modelOf(1, 100, second), { switches: false, note: "not yet" });
    expect(pointed(store, "tiny")).toMatchObject({ version: first, previous: null });
    expect(readHistory(store.values.get(historyKey("tiny")) ?? "", "tiny").map(({ note }) => note)).toEqual([
      "not yet",
      "",
    ]);
  });

  it("killed at any step, leave the version before serving, and the next publication ends it", async () => {
    for (let steps = 0; ; steps++) {
      const store = new Recording();
      await publication(store).run(modelOf(1, 100, first));
      store.failAfter = steps;
      const error = await publication(store)
        .run(modelOf(2, 100, second))
        .then(
          () => null,
          (thrown: Error) => thrown,
        );
      if (error === null) {
        expect(steps).toBe(5); // a page, blob, manifest, history, pointer
        break;
      }
      expect(pointed(store, "tiny").version).toBe(first);
      expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("tiny");
      store.failAfter = Number.POSITIVE_INFINITY;
      await publication(store).run(modelOf(2, 100, second));
      expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: first });
      expect(readHistory(store.values.get(historyKey("tiny")) ?? "", "tiny")).toHaveLength(2);
    }
  });
});

describe("models of one store", () => {
  /** Not signed, so that it may have any name. */
  const unsigned = pnn.blob.slice();
  const version = sealBlob(unsigned);
  const named = async () => ({ ...modelOf(1, 100, await version), blob: unsigned });

  it("have names, of which the first is the default until another is to be", async () => {
    const store = new Recording();
    await publication(store).run(await named(), { model: "ads" });
    await publication(store).run(await named(), { model: "news" });
    expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("ads");
    await publication(store).run(await named(), { model: "news", becomesDefault: true });
    expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("news");
    expect(pointed(store, "ads").version).toBe(pointed(store, "news").version);
    expect((await new ModelRegistry(store).list()).map(({ model, isDefault }) => [model, isDefault])).toEqual([
      ...[
        ["ads", false],
        ["news", true],
      ],
    ]);
  });

  it("are refused before anything is written, with the option that is wrong", async () => {
    const store = new Recording();
    const refused = async (options: object, model = modelOf(1, 100)) =>
      publication(store)
        .run(model, options)
        .catch(({ message }: Error) => message);
    expect(await refused({ model: "Ads!" })).toContain('--model: got "Ads!", expected a-z');
    expect(await refused({ model: "ads" })).toBe(
      "--model: got ads, expected tiny: the export is signed under that name",
    );
    expect(await refused({ note: "x".repeat(501) })).toContain("note: got length 501, expected <=500");
    expect(await refused({ becomesDefault: true, switches: false })).toContain("--default: got --no-switch for tiny");
    for (const key of [pointerKey("tiny"), historyKey("tiny"), defaultKey()]) {
      store.values.set(key, "{");
      expect(await refused({})).toContain(`${key}: not JSON`);
      store.values.delete(key);
    }
    expect(store.values.size).toBe(0);
  });

  it("are beside that of an earlier publisher, which stays the default and gets a pointer", async () => {
    for (const pointer of [{ model: "old", version: first }, { model: pnn.version }]) {
      const store = new Recording();
      await store.putBytes(blobKey(pnn.version), pnn.blob); // whose name is tiny
      const [earlier, other] = "version" in pointer ? ["old", "ads"] : ["tiny", "ads"];
      store.values.set("model", JSON.stringify(pointer));
      await publication(store).run(await named(), { model: other });
      expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe(earlier);
      expect(pointed(store, earlier)).toMatchObject({ version: pointer.version ?? pnn.version, previous: null });
      expect(pointed(store, other).version).toBe(await version);
    }
    const store = new Recording();
    store.values.set("model", JSON.stringify({ model: "tiny", version: first }));
    await publication(store).run(modelOf(1, 100, second));
    expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: first });
    expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("tiny");
  });
});

describe("rollback", () => {
  const unsignedOf = async (version: string) => {
    const blob = pnn.blob.slice();
    await sealBlob(blob);
    return { ...modelOf(1, 100, version), blob };
  };
  const publishedThree = async (): Promise<Recording> => {
    const store = new Recording();
    for (const version of VERSIONS) await publication(store).run(await unsignedOf(version), { deadline: 20 });
    store.calls.length = 0;
    return store;
  };

  it("writes the pointer alone: the version before, or one of the history, always newer than before", async () => {
    const store = await publishedThree();
    const registry = new ModelRegistry(store);
    const { since } = pointed(store, "tiny");
    expect(await registry.rollback("tiny", null)).toEqual({ from: third, to: second });
    expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: third, deadline: 20 });
    expect(pointed(store, "tiny").since).toBeGreaterThan(since);
    expect(await registry.rollback("tiny", first.slice(0, 8))).toEqual({ from: second, to: first });
    const written = store.calls.filter(({ call }) => call !== "texts");
    expect(written.map(({ keys }) => keys)).toEqual([[pointerKey("tiny")], [pointerKey("tiny")]]);
  });

  it("says what there is no way back to", async () => {
    const store = await publishedThree();
    const registry = new ModelRegistry(store);
    await expect(registry.rollback("tiny", third)).rejects.toThrow(`tiny: got version ${third}, which serves already`);
    await expect(registry.rollback("tiny", "12345678")).rejects.toThrow("which is no version of its history");
    await expect(registry.rollback("tiny", "b")).rejects.toThrow("or at least 8 of its lower-case hex digits");
    await expect(registry.rollback("ads", null)).rejects.toThrow("ads: got no pointer");
    await expect(registry.rollback("ads", first)).rejects.toThrow("ads: got no history");
    await expect(registry.rollback("Ads!", null)).rejects.toThrow('model: got "Ads!"');
    store.values.delete(blobKey(second));
    await expect(registry.rollback("tiny", null)).rejects.toThrow("whose blob is not in the store");
    const once = new Recording();
    await publication(once).run(await unsignedOf(first));
    await expect(new ModelRegistry(once).rollback("tiny", null)).rejects.toThrow("got no version that served before");
  });

  it("of a signed model signs the pointer, with a later serial number than the one before", async () => {
    const store = new Recording();
    for (const version of VERSIONS) await publication(store).run(modelOf(1, 100, version));
    const now = Date.UTC(2026, 5, 1);
    const registry = new ModelRegistry(store, () => now);
    const key = await readSigningKey(PRIVATE_KEY, "RFC 8032");
    await expect(registry.rollback("tiny", null)).rejects.toThrow(
      `tiny: got version ${second}, which is signed, expected --key`,
    );
    const trusted = await readPublicKeys(PUBLIC_KEY, "keys");
    for (const [i, to] of [second, first].entries()) {
      await registry.rollback("tiny", to, key);
      const { signed, version } = pointed(store, "tiny");
      expect([version, signed?.serial]).toEqual([to, now + i]);
      if (!signed) throw new Error("not signed");
      await expect(verifyStatement(signed, { model: "tiny", version }, trusted, "pointer")).resolves.toBeUndefined();
    }
    // Publishing what serves leaves what the key said of it; publishing another version does not.
    await publication(store).run(modelOf(1, 100, first), { deadline: 30 });
    expect(pointed(store, "tiny")).toMatchObject({ deadline: 30, signed: { serial: now + 1 } });
    await publication(store).run(modelOf(1, 100, third));
    expect(pointed(store, "tiny").signed).toBeUndefined();
    // A time that nobody can have signed yet is not counted on from.
    const far = { serial: now + 10 ** 10, key: "ab".repeat(16), signature: `${"A".repeat(86)}==` };
    store.values.set(pointerKey("tiny"), writePointer({ ...pointed(store, "tiny"), signed: far }));
    await registry.rollback("tiny", first, key);
    expect(pointed(store, "tiny").signed?.serial).toBe(now);
    store.values.set(blobKey(second), Buffer.from((await unsignedOf(second)).blob).toString("latin1"));
    await expect(registry.rollback("tiny", second, key)).rejects.toThrow(
      `--key: got a key, expected none: version ${second} of tiny is not signed`,
    );
  });

  it("to a version that is named writes a damaged pointer anew", async () => {
    const store = await publishedThree();
    store.values.set(pointerKey("tiny"), "{");
    const registry = new ModelRegistry(store);
    const problem = expect.stringContaining("models/tiny: not JSON");
    expect(await registry.list()).toMatchObject([{ model: "tiny", pointer: null, problem }]);
    await expect(registry.rollback("tiny", null)).rejects.toThrow("models/tiny: not JSON");
    expect(await registry.rollback("tiny", second)).toEqual({ from: null, to: second });
    expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: null });
  });
});
