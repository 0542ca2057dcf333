import { describe, expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { checksum, type Hash64 } from "../../format/hash.ts";
import { readBlob, readManifest } from "../../format/read-blob.ts";
import { NO_FILTER } from "../../format/row-filter.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { edited, entryOf, inOldFormat, sectionOf, withSection, withTable } from "../../testing/format/edit-blob.ts";
import { header, refuses, spec, specText, table, tiny } from "./refuse-blob.ts";

// One test for each check of read-blob.ts up to section SPEC, in the order of the checks. Each has a blob that is wrong
// in one place and right everywhere else.

test("the edited blobs are right but for their edit", () => {
  for (let id = 1; id <= c.SECTION_COUNT; id++) expect(withSection(tiny, id, sectionOf(tiny, id))).toEqual(tiny);
  expect(withTable(tiny, () => {})).toEqual(tiny);
});

const changedTable = header(entryOf(1) + 4, 640);

function tableSum(blob: Uint8Array): Hash64 {
  return checksum(blob.subarray(c.BLOB_HEADER_BYTES, entryOf(c.SECTION_COUNT + 1)), 0);
}

describe("header and table", () => {
  refuses([
    ["an empty file", () => new Uint8Array(0), "blob: got 0 bytes, expected at least 544"],
    ["a file shorter than its table", () => tiny.subarray(0, 543), "blob: got 543 bytes, expected at least 544"],
    [
      "a file beyond the limit",
      () => new Uint8Array(c.MAX_BLOB_BYTES + 1),
      "blob: got 37748737 bytes, expected at most 37748736",
    ],
    ["another magic", header(0, 0x50454644), "blob: header: got magic 1346717252, expected 1296385604"],
    ["an older version", header(4, 3), "blob: header: got version 3, expected 4 to 8"],
    ["a newer version", header(4, 9), "blob: header: got version 9, expected 4 to 8"],
    ["another length", header(8, 2687), "blob: header: got length 2687, expected 2688"],
    [
      "a table that is cut off",
      () => edited(tiny.slice(0, 570), (view) => view.setUint32(8, 570, true)),
      "blob: got 570 bytes, expected at least 576",
    ],
    ["another number of sections", header(128, 9), "blob: header: got sections 9, expected 12"],
    [
      "another low word of the table's checksum",
      header(136, 0),
      `blob: header: got table checksum (low) 0, expected ${tableSum(tiny).lo}`,
    ],
    [
      "another high word of the table's checksum",
      header(140, 0),
      `blob: header: got table checksum (high) 0, expected ${tableSum(tiny).hi}`,
    ],
    [
      "a table that was changed",
      changedTable,
      `blob: header: got table checksum (low) ${tableSum(tiny).lo}, expected ${tableSum(changedTable()).lo}`,
    ],
    ["sections out of order", table(entryOf(3), 4), "blob: section BUCKETS: got id 4, expected 3"],
    [
      "a section that overlaps its predecessor",
      table(entryOf(2) + 4, 896),
      "blob: section MODEL: got offset 896, expected 960",
    ],
    ["a hole before a section", table(entryOf(2) + 4, 1024), "blob: section MODEL: got offset 1024, expected 960"],
    ["a section at no multiple of 64", table(entryOf(1) + 4, 577), "blob: section SPEC: got offset 577, expected 576"],
    [
      "a section that ends beyond the blob",
      table(entryOf(9) + 8, 513),
      "blob: section GOLDEN: got end 2689, expected at most 2688",
    ],
    [
      "a section length that 32 bits would wrap",
      table(entryOf(9) + 8, 0xffffffff),
      "blob: section GOLDEN: got end 4294969471, expected at most 2688",
    ],
    [
      "a low checksum word of a section",
      table(entryOf(5) + 16, 0),
      "blob: section ROWS: got bytes that do not match their checksum",
    ],
    [
      "a high checksum word of a section",
      table(entryOf(5) + 20, 0),
      "blob: section ROWS: got bytes that do not match their checksum",
    ],
    [
      "a byte of a section",
      () => edited(tiny, (view) => view.setUint8(1408, 1)),
      "blob: section ROWS: got bytes that do not match their checksum",
    ],
    ["bytes after the last section", trailing, "blob: got 2752 bytes, expected 2688 for its sections"],
  ]);
});

function trailing(): Uint8Array {
  const longer = new Uint8Array(2752);
  longer.set(tiny);
  return edited(longer, (view) => view.setUint32(8, 2752, true));
}

describe("the filter", () => {
  const filter = (blob: Uint8Array, bytes: number) => withSection(blob, c.SECTION_FILTER, new Uint8Array(bytes));
  const withoutPages = writeBlob({
    ...readBlob(tiny),
    pageDigests: new Uint8Array(0),
    hotPages: [],
    filter: NO_FILTER,
  });
  refuses([
    ["of no whole block", () => filter(tiny, 48), "blob: section FILTER: got 48 bytes, expected a multiple of 32"],
    ["without pages", () => filter(withoutPages, 32), "blob: section FILTER: got 32 bytes, expected 0"],
  ]);

  test("may be left out", () => {
    expect(readBlob(filter(tiny, 0)).filter).toEqual(NO_FILTER);
  });
});

describe("the hottest pages in SPEC", () => {
  const hottest = (hotPages: unknown) => (): Uint8Array => {
    const members = JSON.parse(new TextDecoder().decode(sectionOf(tiny, c.SECTION_SPEC)));
    const text = JSON.stringify({ ...members, hotPages });
    return withSection(tiny, c.SECTION_SPEC, new TextEncoder().encode(text));
  };
  const place = "blob: section SPEC: hotPages";
  refuses([
    ["of another type", hottest(7), `${place}: got 7, expected Array`],
    ["with a text", hottest(["0"]), `${place}[0]: got "0", expected number`],
    ["with half a page", hottest([0.5]), `${place}[0]: got 0.5, expected an integer`],
    ["below the first", hottest([-1]), `${place}[0]: got -1, expected >=0`],
    ["behind the last", hottest([1]), `${place}[0]: got page 1, expected one of 1`],
    ["with one twice", hottest([0, 0]), `${place}: got 2 pages with one twice, expected each once`],
    ["of more than a read has", hottest(new Array(101).fill(0)), `${place}: got length 101, expected <=100`],
  ]);

  test("are read; they may be left out, and mean nothing in format 7", () => {
    expect([readBlob(tiny).hotPages, readManifest(tiny).hotPages]).toEqual([[0], [0]]);
    expect(readBlob(hottest(undefined)()).hotPages).toBeUndefined();
    expect(readBlob(inOldFormat(hottest([7])(), 7)).hotPages).toBeUndefined();
  });
});

describe("the hash key in SPEC", () => {
  const keyed = (hashKey: unknown) => spec((of) => Object.assign(of, { hashKey }));
  const inFormat5 = (): Uint8Array =>
    withSection(inOldFormat(tiny, 5), c.SECTION_SPEC, sectionOf(tiny, c.SECTION_SPEC));
  const place = "blob: section SPEC: hashKey:";
  refuses([
    ["none", keyed(undefined), `${place} missing, expected a string`],
    ["another type", keyed(7), `${place} got 7, expected string`],
    // A text that is nearly a key may show most of one.
    ["too few digits", keyed("a".repeat(31)), `${place} got another text, expected 32 lower-case hex digits`],
    ["upper case", keyed("A".repeat(32)), `${place} got another text, expected 32 lower-case hex digits`],
    ["a key in format 5", inFormat5, `${place} got one in format 5, expected none before format 6`],
  ]);
});

describe("a spline in SPEC", () => {
  const price = (encoding: object) => spec((of) => Object.assign(of.fields[1] as object, { encoding }));
  const knots = (...list: unknown[]) => price({ kind: "spline", knots: list });
  const place = "blob: section SPEC: fields[1].encoding";
  refuses([
    ["without knots", price({ kind: "spline" }), `${place}.knots: missing, expected "knots"`],
    ["with a number of knots", price({ kind: "spline", knots: 16 }), `${place}.knots: got 16, expected Array`],
    ["with none", knots(), `${place}.knots: got length 0, expected >=1`],
    ["with equal ones", knots(-0, 0), `${place}.knots: got [0,0], expected ascending numbers`],
    ["out of order", knots(2, 1), `${place}.knots: got [2,1], expected ascending numbers`],
    ["beyond float32", knots(0, 3.5e38), `${place}.knots: got [0,3.5e+38], expected numbers that float32 holds`],
    [
      "in format 6",
      () => inOldFormat(knots(0, 1)(), 6),
      `${place}.kind: got "spline" in format 6, expected none before format 7`,
    ],
  ]);

  test("with one knot is read", () => {
    expect(readBlob(knots(-0)()).spec.fields[1]?.encoding).toEqual({ kind: "spline", knots: [0] });
  });
});

describe("the calibration map in SPEC", () => {
  const LINE = { method: "platt", logits: [0], calibrated: [-1], slopes: [0.5, 0.5] };
  const described = (calibration: unknown): Uint8Array => {
    const parsed = JSON.parse(new TextDecoder().decode(sectionOf(tiny, c.SECTION_SPEC)));
    return specText(JSON.stringify({ ...parsed, calibration }))();
  };
  const map = (change: object) => (): Uint8Array => described({ ...LINE, ...change });
  const place = "blob: section SPEC: calibration:";
  const many = Array.from({ length: 1025 }, (_, i) => i);
  refuses([
    ["of null", () => described(null), `${place} got null, expected Object`],
    ["by an unknown method", map({ method: "beta" }), `${place} method: got "beta", expected ("platt" | "isotonic")`],
    ["with a key too many", map({ knots: 1 }), `${place} knots: unknown key`],
    ["without slopes", map({ slopes: undefined }), `${place} slopes: missing, expected "slopes"`],
    ["without a knot", map({ logits: [], calibrated: [] }), `${place} logits: got length 0, expected >=1`],
    ["of too many knots", map({ logits: many, calibrated: many }), `${place} logits: got length 1025, expected <=1024`],
    [
      "with logits that do not ascend",
      map({ logits: [0, 0], calibrated: [0, 1] }),
      `${place} logits: got [0,0], expected ascending numbers`,
    ],
    [
      "that is flat",
      map({ logits: [0, 1], calibrated: [1, 1] }),
      `${place} calibrated: got [1,1], expected ascending numbers`,
    ],
    [
      "of other numbers of logits",
      map({ logits: [0, 1] }),
      `${place} got 1 calibrated logits, expected 2, one for each logit`,
    ],
    ["with a slope of 0", map({ slopes: [1, 0] }), `${place} slopes[1]: got 0, expected >0`],
    ["with one slope", map({ slopes: [1] }), `${place} slopes[1]: missing, expected number`],
    [
      "with a number that JSON cannot hold",
      map({ logits: [Number.NaN] }),
      `${place} logits[0]: got null, expected number`,
    ],
  ]);

  test("is read by both readers, and in older formats has no meaning", () => {
    const blob = described(LINE);
    expect(readBlob(blob).calibration).toEqual(LINE);
    expect(readManifest(blob).calibration).toEqual(LINE);
    for (const unread of [inOldFormat(blob, 6), inOldFormat(described(null), 6), tiny]) {
      expect(readBlob(unread)).not.toHaveProperty("calibration");
      expect(readManifest(unread)).not.toHaveProperty("calibration");
    }
  });
});

describe("sections EVIDENCE and GOLDEN", () => {
  const text = (id: number, json: string) => (): Uint8Array => withSection(tiny, id, new TextEncoder().encode(json));
  const golden = (json: unknown) => text(c.SECTION_GOLDEN, JSON.stringify(json));
  const record = { record: {}, logit: 0 };
  refuses([
    [
      "evidence that is not JSON",
      text(c.SECTION_EVIDENCE, ""),
      "blob: section EVIDENCE: not JSON: got the end of the text at line 1, column 1, expected a value",
    ],
    ["evidence that is a list", text(c.SECTION_EVIDENCE, "[]"), "blob: section EVIDENCE: got [], expected an object"],
    [
      "golden records that are not UTF-8",
      () => withSection(tiny, c.SECTION_GOLDEN, Uint8Array.of(0x7b, 0xff)),
      "blob: section GOLDEN: not JSON: got bytes that are not UTF-8 at line 1, column 2",
    ],
    [
      "a tolerance below 0",
      golden({ tolerance: -1, records: [] }),
      "blob: section GOLDEN: tolerance: got -1, expected >=0",
    ],
    [
      "a golden record without a logit",
      golden({ tolerance: 1, records: [record, { record: {} }] }),
      'blob: section GOLDEN: records[1].logit: missing, expected "logit"',
    ],
    [
      "a golden record that is a list",
      golden({ tolerance: 1, records: [{ record: ["news"], logit: 0 }] }),
      'blob: section GOLDEN: records[0].record: got ["news"], expected an object',
    ],
    [
      "more golden records than the limit",
      golden({ tolerance: 1, records: new Array(c.MAX_GOLDEN_RECORDS + 1).fill(record) }),
      "blob: section GOLDEN: records: got length 257, expected <=256",
    ],
    [
      "a member that this version does not know",
      golden({ tolerance: 1, records: [], more: 1 }),
      "blob: section GOLDEN: more: unknown key",
    ],
  ]);
});

describe("section SPEC", () => {
  refuses([
    [
      "bytes that are not UTF-8",
      () => withSection(tiny, c.SECTION_SPEC, Uint8Array.of(0x22, 0xff, 0x22)),
      "blob: section SPEC: not JSON: got bytes that are not UTF-8 at line 1, column 2",
    ],
    [
      "text that is not JSON",
      specText(""),
      "blob: section SPEC: not JSON: got the end of the text at line 1, column 1, expected a value",
    ],
    ["JSON null", specText("null"), "blob: section SPEC: got null, expected an object"],
    ["no producer", specText('{"spec": {}}'), "blob: section SPEC: producer: missing, expected string"],
    [
      "a producer that is no text, nor can be made one",
      specText('{"producer": {"toString": 0}, "spec": {}}'),
      'blob: section SPEC: producer: got {"toString":0}, expected string',
    ],
    [
      "a producer of lists, nested deeper than the stack",
      specText(`{"producer": ${"[".repeat(100_000)}${"]".repeat(100_000)}, "spec": {}}`),
      "blob: section SPEC: producer: got [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[..., expected string",
    ],
    ["no spec", specText('{"producer": ""}'), "blob: section SPEC: missing, expected Object"],
    [
      "a byte order mark",
      specText("\uFEFF{}"),
      'blob: section SPEC: not JSON: got "\uFEFF" at line 1, column 1, expected a value',
    ],
    [
      "a name that no model may have",
      spec((s) => Object.assign(s, { name: "Tiny" })),
      `blob: section SPEC: name: got "Tiny", expected a-z, 0-9, '.', '_' or '-', at most 64, a letter or digit first`,
    ],
    [
      "a field of too long a name",
      spec((s) => Object.assign(s.fields[0] ?? {}, { name: "x".repeat(129) })),
      "blob: section SPEC: fields[0].name: got length 129, expected <=128",
    ],
    [
      "a label that is a field",
      spec((s) => Object.assign(s, { label: "price" })),
      'blob: section SPEC: got the label "price" as a field, expected it to be none',
    ],
    [
      "a spec without fields",
      spec((s) => Object.assign(s, { fields: [] })),
      "blob: section SPEC: fields: got length 0, expected >=1",
    ],
    ["an unknown key", spec((s) => Object.assign(s, { store: 1 })), "blob: section SPEC: store: unknown key"],
    [
      "a field without a name",
      spec((s) => Object.assign(s.fields[0] ?? {}, { name: "" })),
      "blob: section SPEC: fields[0].name: got length 0, expected >=1",
    ],
    [
      "two fields of one name",
      spec((s) => Object.assign(s.fields[0] ?? {}, { name: "price" })),
      'blob: section SPEC: got two fields "price", expected names that differ',
    ],
    [
      "an encoding that training should have fitted",
      spec((s) => Object.assign(s.fields[1] ?? {}, { encoding: { kind: "quantiles", count: 3 } })),
      'blob: section SPEC: fields[1].encoding.kind: got "quantiles", expected ("value" | "log2" | "boundaries" | "spline")',
    ],
    [
      "a factor that is not finite",
      () => specText(new TextDecoder().decode(sectionOf(tiny, 1)).replace('"factor":0.5', '"factor":1e999'))(),
      "blob: section SPEC: fields[1].encoding.factor: got Infinity, expected a finite number",
    ],
    [
      "more entries in a record than a call can have",
      spec((s) => {
        s.fields = Array.from({ length: 5 }, (_, i) => ({
          ...{ name: `f${i}`, side: "item", kv: false, type: "multi-categorical", encoding: { kind: "vocabulary" } },
          maxValues: 1024,
        }));
      }),
      "blob: section SPEC: got 5120 values in a record, expected at most 4096",
    ],
  ]);
});
