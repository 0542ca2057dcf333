import { describe, expect, it } from "vitest";
import type { UploadCost } from "../../deploy/cost.ts";
import { costText, dollarsOf } from "../../deploy/cost.ts";
import { Publication, type UploadOptions } from "../../deploy/publication.ts";
import { approve } from "../../deploy/publish.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { sleepUntil } from "../../deploy/settle.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { BLOB_PART_BYTES } from "../../format/constants.ts";
import { readHistory } from "../../format/history.ts";
import { readDefault, readPointer } from "../../format/pointer.ts";
import {
  blobKey,
  blobPartKeys,
  defaultKey,
  historyKey,
  manifestKey,
  pageKey,
  pointerKey,
  uploadedKey,
  uploadKey,
} from "../../format/store.ts";
import { type PagedModel, pageContents, pagedModel } from "../../testing/format/paged-model.ts";
import { MemoryKv } from "./memory-kv.ts";

function publish(store: MemoryKv, model: PagedModel, options: UploadOptions = {}, release = {}) {
  return new Publication(store, options).run(model, release);
}

function servingIn(store: MemoryKv): string {
  return readPointer(store.values.get(pointerKey("tiny")) ?? "", "tiny").version;
}

const first = await pagedModel("first", pageContents(10));
/** Two of its ten pages are the first model's. */
const second = await pagedModel("second", pageContents(10, 8));

describe("what is there", () => {
  it("is known by manifests: only new pages are uploaded, and no list of pages is asked for", async () => {
    const store = new MemoryKv();
    const listed: string[] = [];
    store.keys = async (prefix) => {
      listed.push(prefix);
      return MemoryKv.prototype.keys.call(store, prefix);
    };
    expect(await publish(store, first)).toEqual({
      uploaded: 11,
      present: 0,
      repaired: 0,
      pinnedTo: null,
      byDefault: "tiny",
    });
    expect(await publish(store, second)).toMatchObject({ uploaded: 9, present: 2 });
    expect(await publish(store, second)).toMatchObject({ uploaded: 0, present: 11 });
    // Another model of the same store has all the pages, but not the blob.
    const third = await pagedModel("third", pageContents(18));
    expect(await publish(store, third)).toMatchObject({ uploaded: 1, present: 18 });
    expect(listed.filter((prefix) => /^(page|blob|manifest)/.test(prefix))).toEqual([]);
    for (const { version } of [first, second, third])
      expect((await verifyVersion(store, "tiny", version)).faults).toEqual([]);
  });

  it("is uploaded again where its manifest is missing or damaged", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    store.values.set(manifestKey(first.version), "{");
    expect(await publish(store, first)).toMatchObject({ uploaded: 11, present: 0 });
    expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
  });

  it("is in batches of at most 1000 keys and 8 MiB, the small values last, and the journal gone", async () => {
    const store = new MemoryKv();
    const many = await pagedModel("many", pageContents(2500));
    await publish(store, many);
    const pages = store.calls.filter(({ call, keys }) => call === "putTexts" && keys[0]?.startsWith("page/"));
    expect(pages.map(({ keys }) => keys.length)).toEqual([1000, 1000, 500]);
    const { version } = many;
    expect(store.changed.slice(-7)).toEqual([
      ...[uploadedKey(version), manifestKey(version), historyKey("tiny"), pointerKey("tiny"), defaultKey()],
      ...[uploadedKey(version), uploadKey(version)],
    ]);
    expect(await store.keys("upload")).toEqual(new Set());

    const page = Buffer.alloc(2 ** 17, 7);
    const long = await pagedModel(
      "long",
      Array.from({ length: 100 }, (_, i) => Buffer.concat([page, Buffer.of(i)])),
    );
    await publish(store, long);
    const written = store.calls.filter(({ call }) => call === "putTexts").map(({ bytes }) => bytes);
    expect(Math.max(...written)).toBeLessThanOrEqual(2 ** 23);
    expect(Math.max(...written)).toBeGreaterThan(2 ** 22);
  });

  it("killed at any step, leaves the version before serving, and the next one sends only the rest", async () => {
    const options = { batchKeys: 3 };
    const uploadedBefore = new Set<string>();
    for (let steps = 0; ; steps++) {
      const store = new MemoryKv();
      await publish(store, first, options);
      const [keys, mark] = [new Set(store.values.keys()), store.calls.length];
      store.failAfter = steps;
      const error = await publish(store, second, options).then(
        () => null,
        (thrown: Error) => thrown.message,
      );
      store.failAfter = Number.POSITIVE_INFINITY;
      if (error === null) {
        // Journal, 3 batches and the blob with their progress, manifest, history, pointer, 1 deletion of both.
        expect(steps).toBe(1 + 2 * 4 + 3 + 1);
        break;
      }
      expect(error).toBe("the connection broke off");
      expect(servingIn(store)).toBe(steps < 12 ? first.version : second.version);
      expect(readDefault(store.values.get(defaultKey()) ?? "")).toBe("tiny");
      // A batch whose progress could not be noted is sent again, and nothing else.
      const isNoted = [...store.values.keys()].some((key) => key.startsWith("uploaded/"));
      const sent = store.calls
        .slice(mark)
        .flatMap(({ call, keys }) => (call === "putTexts" || call === "putBytes" ? keys : []));
      store.calls.length = 0;
      await publish(store, second, options);
      const again = store.changed.filter((key) => /^(page|blob)\//.test(key));
      const twice = again.filter((key) => sent.includes(key));
      expect(twice.length).toBeLessThanOrEqual(isNoted && steps % 2 === 1 ? 0 : 3);
      for (const key of again) expect(keys.has(key)).toBe(false);
      for (const key of [...again, ...sent]) uploadedBefore.add(key);
      expect(servingIn(store)).toBe(second.version);
      expect(await store.keys("upload")).toEqual(new Set());
      expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
      expect(readHistory(store.values.get(historyKey("tiny")) ?? "", "tiny")).toHaveLength(2);
    }
    expect([...uploadedBefore].filter((key) => /^(page|blob)\//.test(key))).toHaveLength(9);
  });
});

describe("before the pointer moves", () => {
  it("a sample is read back, and a publication that finds it damaged changes nothing that serves", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    const [lost] = second.pages.slice(2).map(({ digest }) => pageKey(digest));
    store.onChange = () => void store.values.delete(String(lost));
    await expect(publish(store, second)).rejects.toThrow(`${lost}: got no value back, expected what was exported`);
    store.onChange = () => {};
    expect(servingIn(store)).toBe(first.version);
    // Its journal says that the page was sent, and so only a repair brings it back.
    await expect(publish(store, second)).rejects.toThrow("`publish --repair` reads all of them");
    expect(await publish(store, second, { repair: true })).toMatchObject({ uploaded: 1, present: 10, repaired: 0 });
    expect(servingIn(store)).toBe(second.version);

    store.values.set(blobKey(second.version), "damaged");
    await expect(publish(store, second)).rejects.toThrow(`${blobKey(second.version)}: got another value back`);
    const values = second.pages.map(({ digest }) => pageKey(digest));
    for (const key of values.slice(0, 4)) store.values.set(key, "x".repeat(9000));
    store.longestAnswer = 8000;
    expect(await publish(store, second, { repair: true })).toMatchObject({ uploaded: 0, present: 6, repaired: 5 });
  });

  it("the last page must be so old as --settle says, also where it was written before the publisher was killed", async () => {
    let now = 1_800_000_000_000;
    const slept: number[] = [];
    const clock = {
      now: () => now,
      sleep: async (ms: number) => {
        slept.push(ms);
        now += ms;
      },
    };
    const store = new MemoryKv();
    const seen: string[] = [];
    const options = { settle: 60, clock, advance: (_: number, note: string) => void seen.push(note) };
    await publish(store, first, options);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
    expect(seen).toContain("the pointer moves in 60 s");
    expect(seen).toContain("the pointer moves in 1 s");
    slept.length = 0;
    await publish(store, first, options); // nothing is written, and the pointer stays
    await publish(store, second, options, { switches: false });
    expect(slept).toEqual([]);

    const third = await pagedModel("third", pageContents(3, 50));
    store.failAfter = 5; // journal, pages, their progress, blob, its progress
    await expect(publish(store, third, options)).rejects.toThrow("broke off");
    slept.length = 0;
    store.failAfter = Number.POSITIVE_INFINITY;
    now += 45_000;
    expect(await publish(store, third, { ...options, settle: 120 })).toMatchObject({ uploaded: 0, present: 4 });
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(120_000 - 60_000 - 45_000);
    await sleepUntil(now - 1, clock, () => expect.unreachable());

    // Of a publisher whose clock was a year ahead it is known that it has written by now.
    const fourth = await pagedModel("fourth", pageContents(3, 60));
    now += 365 * 86_400_000;
    store.failAfter = 5;
    await expect(publish(store, fourth, { ...options, settle: 0 })).rejects.toThrow("broke off");
    store.failAfter = Number.POSITIVE_INFINITY;
    now -= 365 * 86_400_000;
    slept.length = 0;
    await publish(store, fourth, options);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
    // Neither does a clock that is set back during the wait prolong it.
    const back = {
      now: () => now,
      sleep: async () => {
        now -= 3_600_000;
      },
    };
    let told = 0;
    await sleepUntil(now + 5000, back, () => told++);
    expect(told).toBe(5);
  });

  it("its cost is known, and where it is not agreed to nothing is uploaded", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    const costs: UploadCost[] = [];
    const keys = [...store.values.keys()];
    const refuse = async (cost: UploadCost): Promise<void> => {
      costs.push(cost);
      throw new Error("too dear");
    };
    await expect(publish(store, second, { approve: refuse })).rejects.toThrow("too dear");
    expect([...store.values.keys()]).toEqual(keys);
    const written = 8 * Buffer.from("page 10").toString("base64").length + second.blob.length;
    expect(costs).toEqual([{ writes: 8 + 1 + 1 + 8, reads: 10 + 1 + 8, bytes: written }]);
    expect(dollarsOf({ writes: 1e6, reads: 1e6, bytes: 1e9 })).toEqual({ once: 5.5, monthly: 0.5 });
    expect(costText({ writes: 22_231, reads: 110, bytes: 2 ** 29 })).toBe(
      "writes at most 22,231 keys of 512.00 MiB and reads 110: $0.11 once, and $0.27 a month",
    );
  });
});

it("an upload of more than a dollar is asked about, and refused where nobody agrees", async () => {
  const asked: string[] = [];
  const answer = (yes: boolean) => async (question: string) => {
    asked.push(question);
    return yes;
  };
  const [cheap, dear] = [1e5, 4e5].map((writes) => ({ writes, reads: 0, bytes: 0 }));
  await approve(cheap as UploadCost, answer(false));
  expect(asked).toEqual([]);
  await approve(dear as UploadCost, answer(true));
  expect(asked).toEqual(["The upload costs about $2.00 in the first month. Go on?"]);
  for (const confirm of [answer(false), undefined])
    await expect(approve(dear as UploadCost, confirm)).rejects.toThrow(
      "got an upload that writes at most 400,000 keys of 0.0 KiB and reads 0: $2.00 once, and $0.00 a month; " +
        "expected --yes to agree to more than $1",
    );
});

it("a blob of more than 25 MiB is uploaded in parts, of which a repair writes the damaged one", async () => {
  const store = new MemoryKv();
  const model = await pagedModel("large", pageContents(1), BLOB_PART_BYTES);
  const [one = "", two = "", ...more] = blobPartKeys(model.version, model.blob.length);
  expect(more).toEqual([]);
  expect(await publish(store, model)).toMatchObject({ uploaded: 3, present: 0 });
  expect([store.values.get(one)?.length, store.values.get(two)?.length]).toEqual([
    ...[BLOB_PART_BYTES, model.blob.length - BLOB_PART_BYTES],
  ]);
  store.values.delete(two);
  expect((await verifyVersion(store, "tiny", null)).faults).toEqual([`${two}: missing`]);
  expect(await publish(store, model, { repair: true })).toMatchObject({ uploaded: 1, present: 2 });
  expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
});

describe("what verify reads back", () => {
  it("names all that is missing or damaged", async () => {
    const store = new MemoryKv();
    await publish(store, first);
    await publish(store, second);
    const [a = "", b = "", c = ""] = first.pages.map(({ digest }) => pageKey(digest));
    const pageB = store.values.get(b) ?? "";
    store.values.delete(a);
    store.values.set(b, store.values.get(c) ?? "");
    store.values.set(c, "no base64!");
    const { version } = first;
    const found = await verifyVersion(store, "tiny", version.slice(0, 8));
    expect(found).toEqual({
      ...{ version, values: 12 },
      faults: [`${a}: missing`, `${b}: got bytes that are named ${c}`, `${c}: got "no base64!", expected base64`],
    });
    expect((await verifyVersion(store, "tiny", null)).faults).toEqual([]);
    await publish(store, first, { repair: true }, { switches: false });
    expect(store.values.get(b)).toBe(pageB);

    // Of a manifest with another length of the blob, pages and base are right.
    const manifest = store.values.get(manifestKey(version)) ?? "";
    store.values.set(manifestKey(version), manifest.replace(/"bytes":\d+/, '"bytes":64'));
    expect((await verifyVersion(store, "tiny", version)).faults).toEqual([
      `${manifestKey(version)}: got a blob of 64 bytes, expected ${first.blob.length} as in ${blobKey(version)}`,
    ]);

    // Without its manifest the blob says which pages there are, and without the blob the manifest does.
    store.values.delete(manifestKey(version));
    expect((await verifyVersion(store, "tiny", version)).faults).toEqual([`${manifestKey(version)}: missing`]);
    await publish(store, first, {}, { switches: false });
    store.values.delete(blobKey(version));
    store.values.delete(a);
    expect((await verifyVersion(store, "tiny", version)).faults).toEqual([
      ...[`${blobKey(version)}: missing`, `${a}: missing`],
    ]);
    store.values.set(blobKey(version), store.values.get(blobKey(second.version)) ?? "");
    expect((await verifyVersion(store, "tiny", version)).faults[0]).toMatch(
      new RegExp(`^${blobKey(version)}: blob: got the version ${second.version} from its bytes, expected ${version}`),
    );
    await expect(verifyVersion(store, "ads", null)).rejects.toThrow("ads: got no pointer, expected the name of a");
    await expect(verifyVersion(store, "tiny", "12345678")).rejects.toThrow("which is no version of its history");
  });
});

describe("small values that are damaged", () => {
  it("are written anew by a repair, the history by the manifests that are there", async () => {
    const store = new MemoryKv();
    await publish(store, first, {}, { note: "one" });
    await publish(store, second, {}, { note: "two" });
    const third = await pagedModel("third", pageContents(2));
    for (const key of [historyKey("tiny"), pointerKey("tiny"), defaultKey()]) store.values.set(key, "{");
    const said: string[] = [];
    const options = { repair: true, say: (what: string) => void said.push(what) };
    await expect(publish(store, third, options)).rejects.toThrow("default: not JSON");
    await publish(store, third, options, { becomesDefault: true });
    expect(said.map((text) => text.slice(0, text.indexOf(":")))).toEqual(["default", "models/tiny", "versions/tiny"]);
    expect(said[0]).toMatch(/; it is written anew$/);
    expect(servingIn(store)).toBe(third.version);
    const history = readHistory(store.values.get(historyKey("tiny")) ?? "", "tiny");
    expect(history.map(({ version }) => version).sort()).toEqual(
      [first, second, third].map(({ version }) => version).sort(),
    );
    expect(history[0]).toMatchObject({ version: third.version, note: "" });
    expect(history[1]?.note).toBe("found by publish --repair, which does not know when it was published");
    expect((await new ModelRegistry(store).rollback("tiny", first.version)).to).toBe(first.version);

    // A pointer is written anew by a publication that moves it, and not by one that was just tried.
    store.values.set(pointerKey("tiny"), "{");
    await expect(publish(store, first, options, { switches: false })).rejects.toThrow(
      "; `publish --repair` without --no-switch writes it anew",
    );
    await publish(store, first, options);
    expect(servingIn(store)).toBe(first.version);
  });

  it("of a history keep what serves, also where another model has that version too and so its manifest", async () => {
    const store = new MemoryKv();
    await publish(store, first, {}, { note: "one" });
    await publish(store, first, {}, { model: "ads" });
    store.values.set(historyKey("tiny"), "{");
    await publish(store, second, { repair: true }, { switches: false });
    const history = await new ModelRegistry(store).history("tiny");
    expect(history.map(({ version }) => version)).toEqual([second.version, first.version]);
  });

  it("keep the note of a version that is published again, as by a repair, unless it gets another", async () => {
    const store = new MemoryKv();
    const notes = async (): Promise<string[]> =>
      (await new ModelRegistry(store).history("tiny")).map(({ note }) => note);
    await publish(store, first, {}, { note: "one" });
    await publish(store, second);
    await publish(store, first, { repair: true }, { switches: false });
    expect(await notes()).toEqual(["one", ""]);
    await publish(store, first, {}, { note: "" });
    expect(await notes()).toEqual(["", ""]);
    // A note that was lost with its history is not that of the version which is published now.
    store.values.set(historyKey("tiny"), "{");
    await publish(store, first, { repair: true });
    expect(await notes()).toEqual(["", expect.stringMatching(/^found by publish --repair/)]);
  });
});

describe("a pinned model", () => {
  it("stays where it is when others are published, moves by a rollback, and is free again by --off", async () => {
    const store = new MemoryKv();
    const registry = new ModelRegistry(store);
    await publish(store, first, {}, { deadline: 20 });
    const pointer = () => readPointer(store.values.get(pointerKey("tiny")) ?? "", "tiny");
    const { since } = pointer();
    expect(await registry.pin("tiny", first.version.slice(0, 8))).toEqual({ from: first.version, to: first.version });
    expect(pointer()).toMatchObject({ version: first.version, previous: null, deadline: 20, pinned: true });
    expect(pointer().since).toBeGreaterThan(since);
    expect(await publish(store, second)).toMatchObject({ uploaded: 9, pinnedTo: first.version });
    expect(servingIn(store)).toBe(first.version);
    expect(readHistory(store.values.get(historyKey("tiny")) ?? "", "tiny")).toHaveLength(2);

    expect(await registry.rollback("tiny", second.version)).toMatchObject({ to: second.version, pinned: true });
    expect(pointer()).toMatchObject({ version: second.version, previous: first.version, pinned: true });
    expect(await registry.pin("tiny", first.version)).toEqual({ from: second.version, to: first.version });
    expect(await registry.unpin("tiny")).toBe(first.version);
    expect(pointer()).not.toHaveProperty("pinned");
    expect(await publish(store, second)).toMatchObject({ pinnedTo: null });
    expect(servingIn(store)).toBe(second.version);
    await expect(registry.unpin("tiny")).rejects.toThrow("tiny: got a model that is not pinned");
    await expect(registry.pin("tiny", "12345678")).rejects.toThrow("which is no version of its history");
  });
});
