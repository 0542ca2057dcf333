import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { ValuesTooLarge } from "../../deploy/kv/kv-store.ts";
import { openLocalKv } from "../../deploy/kv/local-kv.ts";
import { checkFolder } from "../../deploy/local-bindings.ts";
import { Publication } from "../../deploy/publication.ts";
import { publish } from "../../deploy/publish.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import type { ReleaseOptions } from "../../deploy/release.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { readHistory } from "../../format/history.ts";
import { readDefault, readPointer, writePointer } from "../../format/pointer.ts";
import { readPublishedManifest } from "../../format/published-manifest.ts";
import { sealBlob } from "../../format/seal.ts";
import { readSigningKey } from "../../format/signature.ts";
import { blobKey, defaultKey, historyKey, manifestKey, pageKey, pointerKey } from "../../format/store.ts";
import { PRIVATE_KEY } from "../../testing/format/golden.ts";
import { pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { openExport } from "../../trainer/export/export.ts";
import { goldenExport, saveGoldenExport } from "./golden-export.ts";
import { MemoryKv } from "./memory-kv.ts";
import { pointed, publication } from "./publications.ts";

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
    expect(await publish(exported, target)).toMatchObject({ uploaded: 2, present: 0, repaired: 0 });
    expect(existsSync(join(folder, ".wrangler", "state"))).toBe(true);
    expect(await publish(await openExport(join(folder, "export")), target)).toMatchObject({
      ...{ uploaded: 0, present: 2, repaired: 0 },
    });

    const [page] = pages.map(({ digest }) => pageKey(digest));
    await using store = await openLocalKv(config);
    await store.putTexts([{ key: String(page), value: "damaged" }]);
    await store.putBytes(blobKey(version), new Uint8Array(9));
    await expect(publication(store).run(exported)).rejects.toThrow(`${blobKey(version)}: got another value back`);
    expect((await verifyVersion(store, "tiny", null)).faults).toHaveLength(2);
    expect(await publication(store, true).run(exported)).toMatchObject({ uploaded: 0, present: 0, repaired: 2 });
    expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
    await store.delete(["absent", historyKey("tiny")]);
    expect(await store.keys("versions/")).toEqual(new Set());
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

  it("says which folder it is where its files cannot be written", async () => {
    const persistTo = join(folder, "held");
    await using store = await openLocalKv(config, persistTo);
    await store.putTexts([{ key: "models/a", value: "1" }]);
    const files = readdirSync(persistTo, { recursive: true, encoding: "utf8" });
    const database = files.find((file) => /KVNamespaceObject.*[0-9a-f]{64}\.sqlite$/.test(file)) ?? "";
    using other = new DatabaseSync(join(persistTo, database));
    other.exec("BEGIN IMMEDIATE");
    const [put, remove] = [() => store.putTexts([{ key: "models/a", value: "2" }]), () => store.delete(["models/a"])];
    for (const change of [put, remove])
      await expect(change()).rejects.toThrow(
        new RegExp(`^the local KV in ${persistTo}: KV \\w+ failed: 500 .*, or does another program write there\\?$`),
      );
    other.exec("ROLLBACK");
    expect(await store.texts(["models/a"])).toEqual(new Map([["models/a", "1"]]));
  });

  it("leaves all other files of its folder alone", async () => {
    const persistTo = join(folder, "kv");
    mkdirSync(persistTo);
    writeFileSync(join(persistTo, "precious.txt"), "precious");
    await publish(await goldenExport("pnn"), { remote: false, config, persistTo });
    expect(readFileSync(join(persistTo, "precious.txt"), "utf8")).toBe("precious");
  });
});

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

const VERSIONS = ["a", "b", "c"].map((digit) => digit.repeat(64));
const [first = "", second = "", third = ""] = VERSIONS;

describe("the versions of a model", () => {
  it("are in its history, the newest first, and in their manifests; the pointer knows the one before", async () => {
    const store = new MemoryKv();
    let now = Date.UTC(2026, 5, 1);
    const clock = { now: () => now++, sleep: async () => {} };
    for (const [i, version] of VERSIONS.entries())
      await new Publication(store, { clock }).run(modelOf(2, 100, version), { note: `number ${i}` });
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
    expect(history[0]).toMatchObject({ bytes: pnn.blob.length, metrics: {}, time: since + 1 });
    const manifest = readPublishedManifest(store.values.get(manifestKey(first)) ?? "", first);
    const pageDigests = new Uint8Array(modelOf(2, 100).pages.flatMap(({ digest }) => [...digest]));
    expect(manifest).toEqual({ model: "tiny", bytes: pnn.blob.length, base: null, pageDigests });
  });

  it("that serves already keeps its pointer, and what is published later is always newer", async () => {
    const store = new MemoryKv();
    const future = Date.now() + 1e9;
    store.values.set(pointerKey("tiny"), JSON.stringify({ version: first, since: future, previous: null }));
    await publication(store).run(modelOf(1, 100, first));
    expect(pointed(store, "tiny")).toEqual({ version: first, since: future, previous: null });
    await publication(store).run(modelOf(1, 100, second), { deadline: 20 });
    expect(pointed(store, "tiny")).toEqual({ version: second, since: future + 1, deadline: 20, previous: first });
    await publication(store).run(modelOf(1, 100, third));
    expect(pointed(store, "tiny")).toMatchObject({ version: third, since: future + 2, deadline: 20 });
    await publication(store).run(modelOf(1, 100, third), { deadline: null });
    expect(pointed(store, "tiny")).toEqual({ version: third, since: future + 3, previous: second });
  });

  it("may be published without serving", async () => {
    const store = new MemoryKv();
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
});

describe("models of one store", () => {
  /** Not signed, so that it may have any name. */
  const unsigned = pnn.blob.slice();
  const version = sealBlob(unsigned);
  const named = async () => ({ ...modelOf(1, 100, await version), blob: unsigned });

  it("have names, of which the first is the default until another is to be", async () => {
    const store = new MemoryKv();
    const run = async (release: ReleaseOptions) => await publication(store).run(await named(), release);
    expect(await run({ model: "ads", switches: false })).toMatchObject({ byDefault: null });
    expect(await run({ model: "ads" })).toMatchObject({ byDefault: "ads" });
    expect(await run({ model: "news", switches: false })).toMatchObject({ byDefault: "ads" });
    expect(await run({ model: "news" })).toMatchObject({ byDefault: "ads" });
    expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("ads");
    expect(await run({ model: "news", becomesDefault: true })).toMatchObject({ byDefault: "news" });
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
    const store = new MemoryKv();
    const refused = async (options: object, model = modelOf(1, 100)) =>
      publication(store)
        .run(model, options)
        .catch(({ message }: Error) => message);
    expect(await refused({ model: "Ads!" })).toContain('--model: got "Ads!", expected a-z');
    expect(await refused({ model: "ads" })).toBe(
      "--model: got ads, expected tiny: the export is signed under that name",
    );
    expect(await refused({ note: "x".repeat(501) })).toBe("--note: got length 501, expected <=500");
    expect(await refused({ note: "two\nlines" })).toContain('--note: got "two\\nlines", expected one line');
    expect(await refused({ becomesDefault: true, switches: false })).toContain("--default: got --no-switch for tiny");
    for (const deadline of [50, null])
      expect(await refused({ deadline, switches: false })).toContain("--deadline: got --no-switch too, expected one");
    for (const key of [pointerKey("tiny"), historyKey("tiny"), defaultKey()]) {
      store.values.set(key, "{");
      expect(await refused({})).toMatch(new RegExp(`^${key}: not JSON.*; \`publish --repair( --default)?\` writes it`));
      store.values.delete(key);
    }
    expect(store.values.size).toBe(0);
  });

  it("are beside that of an earlier publisher, which stays the default and gets a pointer", async () => {
    for (const pointer of [{ model: "old", version: first }, { model: pnn.version }]) {
      const store = new MemoryKv();
      await store.putBytes(blobKey(pnn.version), pnn.blob); // whose name is tiny
      const [earlier, other] = "version" in pointer ? ["old", "ads"] : ["tiny", "ads"];
      store.values.set("model", JSON.stringify(pointer));
      await publication(store).run(await named(), { model: other });
      expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe(earlier);
      expect(pointed(store, earlier)).toMatchObject({ version: pointer.version ?? pnn.version, previous: null });
      expect(pointed(store, other).version).toBe(await version);
    }
    const store = new MemoryKv();
    store.values.set("model", JSON.stringify({ model: "tiny", version: first }));
    await publication(store).run(modelOf(1, 100, second));
    expect(pointed(store, "tiny")).toMatchObject({ version: second, previous: first });
    expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("tiny");
  });
});

describe("an export that was signed before the version that serves", () => {
  const signedAt = async (version: string, serial: number) => {
    const blob = pnn.blob.slice();
    await sealBlob(blob, { key: await readSigningKey(PRIVATE_KEY, "RFC 8032"), serial });
    return { ...modelOf(1, 100, version), blob };
  };
  const earlier = `tiny: got an export with the serial number 1999, expected 2000 or later as of version ${first}`;

  it("is refused before anything is written, as Workers with keys would refuse it", async () => {
    const store = new MemoryKv();
    await publication(store).run(await signedAt(first, 2000));
    store.calls.length = 0;
    await expect(publication(store).run(await signedAt(second, 1999))).rejects.toThrow(earlier);
    await expect(publication(store, true).run(await signedAt(second, 1999))).rejects.toThrow("--no-switch");
    expect(store.changed).toEqual([]);
    // What serves may be published again, and others without being served.
    await publication(store).run(await signedAt(first, 2000), { note: "again" });
    await publication(store).run(await signedAt(second, 1999), { switches: false });
    expect(pointed(store, "tiny").version).toBe(first);
    await publication(store).run(await signedAt(third, 2000));
    expect(pointed(store, "tiny").version).toBe(third);
  });

  it("is refused without any signature, too", async () => {
    const store = new MemoryKv();
    const [unsigned, later] = [await pagedModel("one", pageContents(1)), await pagedModel("two", pageContents(1))];
    await publication(store).run(await signedAt(first, 2000));
    store.calls.length = 0;
    await expect(publication(store).run(unsigned)).rejects.toThrow(
      `tiny: got an export that is not signed, expected one that is, as version ${first} is, which serves`,
    );
    expect(store.changed).toEqual([]);
    await publication(store).run(unsigned, { switches: false });
    expect(pointed(store, "tiny").version).toBe(first);
    await new ModelRegistry(store).rollback("tiny", unsigned.version);
    await publication(store).run(later);
    expect(pointed(store, "tiny").version).toBe(later.version);
  });

  it("is measured by the pointer's own signature, where that has one that can be", async () => {
    const store = new MemoryKv();
    await publication(store).run(await signedAt(first, 1000));
    const signed = { serial: 2000, key: "ab".repeat(16), signature: `${"A".repeat(86)}==` };
    store.values.set(pointerKey("tiny"), writePointer({ ...pointed(store, "tiny"), signed }));
    await expect(publication(store).run(await signedAt(second, 1999))).rejects.toThrow(earlier);
    const never = { ...signed, serial: Date.now() + 10 ** 10 };
    store.values.set(pointerKey("tiny"), writePointer({ ...pointed(store, "tiny"), signed: never }));
    await publication(store).run(await signedAt(second, 1999));
    expect(pointed(store, "tiny").version).toBe(second);
  });
});
