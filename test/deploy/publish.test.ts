import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type KvPair, type KvStore, ValuesTooLarge } from "../../deploy/kv/kv-store.ts";
import { checkFolder, openLocalKv } from "../../deploy/kv/local-kv.ts";
import { Publication, publish } from "../../deploy/publish.ts";
import { blobKey, pageKey, pointerKey, readPointer } from "../../format/store.ts";
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
    const pointer = await store.texts([pointerKey(), "absent"]);
    expect(readPointer(String(pointer.get(pointerKey())))).toEqual({ model: exported.model, version });
    expect(pointer.get("absent")).toBe(null);

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
    if (--this.failAfter < 0) throw new Error("the connection broke off");
    const bytes = pairs.reduce((sum, { value }) => sum + value.length, 0);
    this.calls.push({ call: "putTexts", keys: pairs.map(({ key }) => key), bytes });
    for (const { key, value } of pairs) this.values.set(key, this.keepValues ? value : "");
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    this.calls.push({ call: "putBytes", keys: [key], bytes: value.length });
    this.values.set(key, Buffer.from(value).toString("latin1"));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A model whose pages all have the same bytes, under different names. */
function modelOf(pages: number, bytes: number) {
  const page = new Uint8Array(bytes).fill(7);
  const digestOf = (i: number): Uint8Array => new Uint8Array(new Uint32Array([i, 1, 2, 3]).buffer);
  return {
    ...{ model: "large", version: "ab".repeat(32), blob: new Uint8Array(64) },
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
    expect(store.calls.slice(-2).map(({ keys }) => keys)).toEqual([[blobKey(model.version)], ["model"]]);
  });

  it("of many small pages is sent in batches of bounded numbers", async () => {
    const store = new Recording();
    const model = modelOf(2500, 100);
    await publication(store).run(model);
    const written = store.calls.filter(({ call }) => call === "putTexts");
    expect(written.map(({ keys }) => keys.length)).toEqual([1000, 1000, 500, 1]);
    store.calls.length = 0;
    expect(await publication(store).run(model)).toEqual({ uploaded: 0, present: 2501, repaired: 0 });
    const read = store.calls.filter(({ call }) => call === "texts");
    expect(new Set(read.map(({ keys }) => keys.length))).toEqual(new Set([100]));
  });

  it("that breaks off leaves the pointer, and the next one goes on where it stopped", async () => {
    const store = new Recording();
    store.values.set("model", "before");
    store.failAfter = 2;
    await expect(publication(store).run(modelOf(2500, 100))).rejects.toThrow("broke off");
    expect(store.values.get("model")).toBe("before");
    store.failAfter = Number.POSITIVE_INFINITY;
    expect(await publication(store).run(modelOf(2500, 100))).toEqual({ uploaded: 501, present: 2000, repaired: 0 });
    expect(store.values.get("model")).not.toBe("before");
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
