import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SECTION_PAGES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { checksum } from "../../format/hash.ts";
import {
  findVersion,
  type History,
  MAX_HISTORY,
  MAX_HISTORY_BYTES,
  readHistory,
  withPublication,
  writeHistory,
} from "../../format/history.ts";
import { readDefault, readEarlierPointer, readPointer, writeDefault, writePointer } from "../../format/pointer.ts";
import { readPublishedManifest, writePublishedManifest } from "../../format/published-manifest.ts";
import * as store from "../../format/store.ts";
import { readUpload, readUploaded, writeUpload, writeUploaded } from "../../format/upload.ts";
import { seeded } from "../../testing/format/random.ts";
import { damagedJson } from "../../testing/fuzz/damage-json.ts";

const version = "ab".repeat(32);
const other = "cd".repeat(32);
const golden = (name: string): string =>
  readFileSync(new URL(`../golden/store/${name}.json`, import.meta.url), "utf8").trimEnd();

describe("a model's pointer", () => {
  const pointer = { version, since: 1_767_225_600_000, previous: other };

  test("names a version, since when, and the one before", () => {
    const text = writePointer(pointer);
    expect(text).toBe(`{"version":"${version}","since":1767225600000,"previous":"${other}"}`);
    expect(readPointer(text, "ads")).toEqual(pointer);
  });

  test("may be pinned", () => {
    expect(readPointer(writePointer({ ...pointer, pinned: true }), "ads")).toEqual({ ...pointer, pinned: true });
    expect(() => readPointer(JSON.stringify({ ...pointer, pinned: false }), "ads")).toThrow("models/ads: pinned: got");
  });

  test("may have a deadline, and no version before it", () => {
    const first = { ...pointer, previous: null, deadline: 60_000 };
    expect(readPointer(writePointer(first), "ads")).toEqual(first);
  });

  const signed = { serial: 1, key: "ab".repeat(16), signature: `${"A".repeat(86)}==` };

  test("may have what a key says of it", () => {
    expect(readPointer(writePointer({ ...pointer, signed }), "ads").signed).toEqual(signed);
  });

  test.each([
    [{ ...signed, serial: 0 }, "signed.serial: got 0, expected >=1"],
    [{ ...signed, key: "AB".repeat(16) }, 'signed.key: got "ABABAB'],
    [{ ...signed, signature: "A".repeat(88) }, "signed.signature: got "],
    [{ ...signed, of: "ads" }, "signed.of: unknown key"],
    [{ serial: 1 }, "signed.key: missing"],
  ])("has no %j", (wrong, problem) => {
    const text = JSON.stringify({ ...pointer, signed: wrong });
    expect(() => readPointer(text, "ads")).toThrow(`models/ads: ${problem}`);
  });

  test.each([
    ["{", "models/ads: not JSON"],
    ["[]", "models/ads: version: missing"],
    ["null", "models/ads: got null, expected Object"],
    [`{"model":"ads","version":"${version}"}`, "models/ads: since: missing"],
    ['{"version":"1","since":1,"previous":null}', 'models/ads: version: got "1", expected 64 lower-case hex digits'],
    [`{"version":"${version}","since":1}`, "models/ads: previous: missing"],
    [`{"version":"${version}","since":-1,"previous":null}`, "models/ads: since: got -1, expected >=0"],
    [`{"version":"${version}","since":1.5,"previous":null}`, "models/ads: since: got 1.5, expected an integer"],
    [`{"version":"${version}","since":9e15,"previous":null}`, "models/ads: since: got 9000000000000000"],
    [`{"version":"${version}","since":"now","previous":null}`, 'models/ads: since: got "now", expected number'],
    [`{"version":"${version}","since":1,"previous":"latest"}`, "models/ads: previous: got "],
    [`{"version":"${version}","since":1,"previous":null,"deadline":60001}`, "models/ads: deadline: got 60001"],
    [`{"version":"${version}","since":1,"previous":null,"weight":1}`, "models/ads: weight: unknown key"],
  ])("is not %s", (text, problem) => {
    expect(() => readPointer(text, "ads")).toThrow(problem);
  });

  test("is not written without a version", () => {
    expect(() => writePointer({ ...pointer, version: "latest" })).toThrow("pointer: version: got");
  });
});

describe("the default", () => {
  test("names a model", () => {
    expect(writeDefault("ads")).toBe('{"model":"ads"}');
    expect(readDefault('{"model": "ads"}')).toBe("ads");
  });

  test.each([
    ["ads", "default: not JSON"],
    ["{}", "default: model: missing"],
    ['{"model":"Ads!"}', 'default: model: got "Ads!", expected a-z'],
    [`{"model":"ads","version":"${version}"}`, "default: version: unknown key"],
  ])("is not %s", (text, problem) => {
    expect(() => readDefault(text)).toThrow(problem);
  });
});

describe("the pointer of earlier publishers", () => {
  test("has a name and a version, or the version alone", () => {
    expect(readEarlierPointer(`{"model":"ads","version":"${version}"}`)).toEqual({ model: "ads", version });
    expect(readEarlierPointer(`{"model": "${version}"}`)).toEqual({ model: null, version });
    expect(readEarlierPointer(`{"model":"${version}","version":"${version}"}`)).toEqual({ model: version, version });
  });

  test.each([
    ["{", "model: not JSON"],
    ["[]", "model: model: missing"],
    ["null", "model: got null, expected Object"],
    ['{"model": "latest"}', 'model: model: got "latest", expected 64 lower-case hex digits'],
    [`{"model": "${version.toUpperCase()}"}`, "model: model: got "],
    [`{"model": "${version}", "weight": 1}`, "model: weight: unknown key"],
    [`{"version": "${version}"}`, "model: model: missing"],
    ['{"model": "ads", "version": "1"}', 'model: version: got "1", expected 64 lower-case hex digits'],
    [`{"model": "ads", "version": "${version}", "weight": 1}`, "model: weight: unknown key"],
  ])("is not %s", (text, problem) => {
    expect(() => readEarlierPointer(text)).toThrow(problem);
  });
});

const numbered = (i: number): string => i.toString(16).padStart(64, "0");

function publicationOf(i: number, note = ""): History[number] {
  return { version: numbered(i), time: i, metrics: { auc: 0.75 }, bytes: 64, note };
}

describe("a history", () => {
  test("has the newest publication first, each version once, and at most 100", () => {
    let history: History = [];
    for (let i = 0; i < 130; i++) history = withPublication(history, publicationOf(i));
    expect(history).toHaveLength(MAX_HISTORY);
    expect(history.map(({ time }) => time)).toEqual(Array.from({ length: MAX_HISTORY }, (_, i) => 129 - i));
    history = withPublication(history, publicationOf(50, "again"));
    expect(history).toHaveLength(MAX_HISTORY);
    expect(history[0]).toEqual(publicationOf(50, "again"));
    expect(readHistory(writeHistory(history), "ads")).toEqual(history);
  });

  test("keeps versions that are in use, as long as others can go", () => {
    let history: History = [];
    const kept = new Set([numbered(1), numbered(3)]);
    for (let i = 0; i < 130; i++) history = withPublication(history, publicationOf(i), kept);
    expect(history.map(({ time }) => time)).toEqual([...Array.from({ length: 98 }, (_, i) => 129 - i), 3, 1]);
    const all = new Set(history.map(({ version }) => version));
    history = withPublication(history, publicationOf(130), all);
    expect(history.map(({ time }) => time)).toEqual([...Array.from({ length: 99 }, (_, i) => 130 - i), 3]);
  });

  test("of the longest notes and metrics is within the bytes that its readers take", () => {
    const metrics = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`${i}`.padStart(64, "m"), -1.2345e-300]));
    const history = Array.from({ length: MAX_HISTORY }, (_, i) => ({
      ...publicationOf(i, "€".repeat(500)),
      ...{ metrics, time: 8.64e15 },
    }));
    expect(new TextEncoder().encode(writeHistory(history)).length).toBeLessThan(MAX_HISTORY_BYTES);
  });

  test.each([
    ["{}", "versions/ads: got {}, expected Array"],
    ["[1]", "versions/ads[0]: got 1, expected Object"],
    [JSON.stringify([publicationOf(1), publicationOf(1)]), "versions/ads: got 2 publications with a version twice"],
    [JSON.stringify(Array.from({ length: 101 }, (_, i) => publicationOf(i))), "versions/ads: got length 101"],
    [JSON.stringify([publicationOf(1, "x".repeat(501))]), "versions/ads[0].note: got length 501, expected <=500"],
    [JSON.stringify([publicationOf(1, "\u001b[2J")]), "expected one line of text without control characters"],
    [JSON.stringify([{ ...publicationOf(1), metrics: { auc: null } }]), "versions/ads[0].metrics.auc: got null"],
    [JSON.stringify([{ ...publicationOf(1), by: "me" }]), "versions/ads[0].by: unknown key"],
  ])("is not %s", (text, problem) => {
    expect(() => readHistory(text, "ads")).toThrow(problem);
  });

  test("finds a version by its beginning, if that is of one alone", () => {
    const history = [version, `${version.slice(0, 10)}${"0".repeat(54)}`, other].map((v, i) => ({
      ...publicationOf(i),
      version: v,
    }));
    expect(findVersion(history, other.slice(0, 8))).toEqual({ version: other });
    expect(findVersion(history, version)).toEqual({ version });
    expect(findVersion(history, version.slice(0, 9))).toEqual({
      problem: 'got "ababababa", which is 2 versions of its history, expected one',
    });
    expect(findVersion(history, "12345678")).toEqual({ problem: expect.stringContaining("no version of its history") });
    for (const text of ["cdcdcdc", "", `${other}0`, other.toUpperCase(), "__proto__"])
      expect(findVersion(history, text)).toEqual({ problem: expect.stringContaining("expected a version") });
  });
});

describe("a version's manifest", () => {
  const pageDigests = Uint8Array.from({ length: 48 }, (_, i) => i);
  const manifest = { model: "ads", bytes: 1234, base: null, pageDigests };
  const text = writePublishedManifest(manifest);

  test("names a model, the bytes of its blob and its pages, with the checksum that the blob has of them", () => {
    expect(readPublishedManifest(text, version)).toEqual(manifest);
    const { hi, lo } = checksum(pageDigests, SECTION_PAGES);
    expect(JSON.parse(text).checksum).toBe(((BigInt(hi) << 32n) | BigInt(lo)).toString(16).padStart(16, "0"));
  });

  test("names the version that the blob is a patch of, where it is one", () => {
    const patched = { ...manifest, base: other };
    expect(readPublishedManifest(writePublishedManifest(patched), version)).toEqual(patched);
    expect(text).not.toContain("base");
    for (const base of [null, "", other.slice(1), other.toUpperCase()])
      expect(() => readPublishedManifest(JSON.stringify({ ...JSON.parse(text), base }), version)).toThrow(
        `manifest/${version}: base: got `,
      );
  });

  test("of the most pages that a model may have is a value of KV", () => {
    const many = writePublishedManifest({ ...manifest, pageDigests: new Uint8Array(16 * 2 ** 20) });
    expect(many.length).toBeLessThan(25 * 2 ** 20);
    expect(readPublishedManifest(many, version).pageDigests).toHaveLength(16 * 2 ** 20);
  });

  test.each([
    ["{", "not JSON"],
    [text.replace('"ads"', '"Ads!"'), 'model: got "Ads!"'],
    [text.replace("1234", "-1"), "bytes: got -1"],
    [text.replace("1234", "37748737"), "bytes: got 37748737"],
    [text.replace('"pages":"', '"pages":"?'), "pages: not base64"],
    [text.replace('"pages":"AAEC', '"pages":"'), "pages: got 45 bytes, expected a multiple of 16"],
    [text.replace('"pages":"A', '"pages":"B'), "pages: got the checksum "],
    [text.replace(/"checksum":"./, '"checksum":"'), "checksum: got "],
    [text.replace("{", '{"by":"me",'), "by: unknown key"],
  ])("is not %s", (damaged, problem) => {
    expect(() => readPublishedManifest(damaged, version)).toThrow(`manifest/${version}: ${problem}`);
  });
});

describe("an upload", () => {
  const upload = { time: 5, model: "ads", bytes: 1234, base: other, pageDigests: new Uint8Array(32).fill(3) };
  const text = writeUpload(upload);

  test("has the time, and what a manifest has; how far it is has a number of values", () => {
    expect(readUpload(text, version)).toEqual(upload);
    expect(readUploaded(writeUploaded({ time: 5, values: 2 }), version)).toEqual({ time: 5, values: 2 });
  });

  test.each([
    [text.replace('"time":5,', ""), "time: missing"],
    [text.replace('"pages":"A', '"pages":"B'), "pages: got the checksum "],
    [text.replace("{", '{"by":"me",'), "by: unknown key"],
  ])("is not %s", (damaged, problem) => {
    expect(() => readUpload(damaged, version)).toThrow(`uploading/${version}: ${problem}`);
  });

  test.each([
    ['{"time":5}', "values: missing"],
    ['{"time":5,"values":-1}', "values: got -1"],
  ])("is not so far as %s", (damaged, problem) => {
    expect(() => readUploaded(damaged, version)).toThrow(`uploaded/${version}: ${problem}`);
  });
});

describe("golden files", () => {
  test("are what their readers read, and what their writers write", () => {
    const pointer = readPointer(golden("pointer"), "tiny");
    expect(writePointer(pointer)).toBe(golden("pointer"));
    expect(writeDefault(readDefault(golden("default")))).toBe(golden("default"));
    expect(writeHistory(readHistory(golden("history"), "tiny"))).toBe(golden("history"));
    const manifest = readPublishedManifest(golden("manifest"), pointer.version);
    expect(writePublishedManifest(manifest)).toBe(golden("manifest"));
  });

  test("damaged in any way, they are read as what they say or refused with the place", () => {
    const readers: Record<string, (text: string) => unknown> = {
      pointer: (text) => readPointer(text, "tiny"),
      default: readDefault,
      history: (text) => readHistory(text, "tiny"),
      manifest: (text) => readPublishedManifest(text, version),
      earlier: readEarlierPointer,
      upload: (text) => readUpload(text, version),
      uploaded: (text) => readUploaded(text, version),
    };
    const random = seeded(13);
    let refused = 0;
    const upload = writeUpload({ time: 1, ...readPublishedManifest(golden("manifest"), version) });
    const uploaded = writeUploaded({ time: 1, values: 3 });
    const written: Record<string, string> = { upload, uploaded };
    for (const [name, read] of Object.entries(readers)) {
      const bytes = new TextEncoder().encode(written[name] ?? golden(name));
      for (let i = 0; i < 1000; i++) {
        const text = new TextDecoder().decode(damagedJson(bytes, random));
        try {
          read(text);
        } catch (error) {
          if (!(error instanceof FormatError)) throw new Error(`${name}: ${text.slice(0, 500)}`, { cause: error });
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(3500);
  });
});

test("no key of the store is a number, which Workers KV would drop from a bulk get", () => {
  const keys = [store.defaultKey(), store.pointerKey("1"), store.historyKey("1"), store.manifestKey(version)];
  expect(keys).toEqual(["default", "models/1", "versions/1", `manifest/${version}`]);
  const stored = [store.blobKey(version), store.pageKey(new Uint8Array(16)), store.earlierPointerKey()];
  expect(stored).toEqual([`blob/${version}`, `page/${"0".repeat(32)}`, "model"]);
  expect([...keys, ...stored].map(store.neverChanges)).toEqual([false, false, false, true, true, true, false]);
  const others = [store.uploadKey(version), store.uploadedKey(version), store.removalKey(version)];
  expect(others).toEqual([`uploading/${version}`, `uploaded/${version}`, `removing/${version}`]);
  expect(others.map(store.neverChanges)).toEqual([false, false, false]);
  expect(store.blobPartKeys(version, 250, 100)).toEqual([`blob/${version}`, `blob/${version}.1`, `blob/${version}.2`]);
  expect(store.blobPartKeys(version, 200, 100)).toEqual([`blob/${version}`, `blob/${version}.1`]);
  expect(store.blobPartKeys(version, 0)).toEqual([`blob/${version}`]);
  expect(store.neverChanges(`blob/${version}.1`)).toBe(true);
});
