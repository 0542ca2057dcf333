// The kernel checks long sections a chunk at a time. It has to see what is wrong at the border of two chunks as
// anywhere else.
import { describe, expect, it } from "vitest";
import * as c from "../../../format/constants.ts";
import { FormatError } from "../../../format/errors.ts";
import { readBlob } from "../../../format/read-blob.ts";
import { rowStride } from "../../../format/row.ts";
import { writeBlob } from "../../../format/write-blob.ts";
import * as abi from "../../../runtime/abi.ts";
import { edited, inSection, sectionOf } from "../../../testing/format/edit-blob.ts";
import { instantiate, KERNELS, loadInto } from "../../../testing/kernel/harness.ts";
import { randomModel } from "../../../testing/kernel/random-model.ts";

/** Keys or rows of a chunk, as in assembly/score/rows.ts. */
const CHUNK = 4096;
/** Bytes of a chunk, as in assembly/score/murmur.ts. */
const CHUNK_BYTES = 16384;

const FIELDS = 3;
const D = 5;
const HOT_ROWS = 2 * CHUNK + 100;
const MODEL = randomModel({ fields: FIELDS, embeddingDim: D, hotRows: HOT_ROWS });
const BLOB = writeBlob(MODEL);

function expectRefused(blob: Uint8Array, code: number): void {
  expect(() => readBlob(blob)).toThrow(FormatError);
  for (const kernel of KERNELS) expect(loadInto(instantiate(kernel), blob), kernel.name).toBe(code);
}

describe("a section of", () => {
  it.each([0, 1, 15, 16].flatMap((more) => [CHUNK_BYTES + more, CHUNK_BYTES - more, 2 * CHUNK_BYTES + more]))(
    "%i bytes has the checksum that format/hash.ts gives it",
    (bytes) => {
      const note = "n".repeat(bytes - JSON.stringify({ note: "" }).length);
      const blob = writeBlob({
        ...MODEL,
        keys: new Uint32Array(0),
        rows: MODEL.rows.slice(0, FIELDS * 16),
        evidence: { note },
      });
      expect(sectionOf(blob, c.SECTION_EVIDENCE)).toHaveLength(bytes);
      for (const kernel of KERNELS) expect(loadInto(instantiate(kernel), blob), kernel.name).toBe(abi.LOAD_OK);
      for (const at of [0, CHUNK_BYTES - 33, CHUNK_BYTES - 17, bytes - 1]) {
        const damaged = edited(blob, (_, all) => {
          const section = sectionOf(all, c.SECTION_EVIDENCE);
          section[at] = section[at] ^ 1;
        });
        expectRefused(damaged, abi.LOAD_BAD_CHECKSUM);
      }
    },
  );
});

describe.each([c.TYPE_F32, c.TYPE_I8, c.TYPE_F16, c.TYPE_I4])("rows of type %i", (rowType) => {
  const blob = writeBlob(randomModel({ fields: FIELDS, embeddingDim: D, hotRows: HOT_ROWS, rowType }));
  const stride = rowStride(rowType, D);
  const halves = rowType === c.TYPE_F16;
  const floats = rowType === c.TYPE_I8 || rowType === c.TYPE_I4 ? 2 : 1 + D;
  const rows = [0, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK, FIELDS + HOT_ROWS - 1];

  it.each(rows.flatMap((row) => [0, floats - 1].map((i) => [row, i])))(
    "row %i is refused if number %i is not finite",
    (row, i) => {
      for (const bits of halves ? [0x7c00, 0xfc00, 0x7c01] : [0x7f800000, 0xff800000, 0x7f800001]) {
        const broken = inSection(blob, c.SECTION_ROWS, (view) => {
          if (halves) view.setUint16(row * stride + 2 * i, bits, true);
          else view.setUint32(row * stride + 4 * i, bits, true);
        });
        expectRefused(broken, abi.LOAD_BAD_ROWS);
      }
    },
  );

  it("may have the largest finite numbers of either sign, and what is no float may be anything", () => {
    const good = inSection(blob, c.SECTION_ROWS, (view, bytes) => {
      if (!halves && floats === 2) bytes.fill(0xff);
      for (let row = 0; row < FIELDS + HOT_ROWS; row++) {
        for (let i = 0; i < floats; i++) {
          if (halves) view.setUint16(row * stride + 2 * i, i % 2 ? 0xfbff : 0x7bff, true);
          else view.setUint32(row * stride + 4 * i, i % 2 ? 0xff7fffff : 0x7f7fffff, true);
        }
      }
    });
    expect(readBlob(good).rows).toHaveLength((FIELDS + HOT_ROWS) * stride);
    for (const kernel of KERNELS) expect(loadInto(instantiate(kernel), good), kernel.name).toBe(abi.LOAD_OK);
  });
});

describe("keys and buckets", () => {
  const places = [0, 1, CHUNK - 2, CHUNK - 1, CHUNK, 2 * CHUNK - 1, HOT_ROWS - 2];

  it.each(places)("keys %i and the next are refused out of order, and if they are the same", (i) => {
    const withKeys = (first: number, second: number): Uint8Array =>
      inSection(BLOB, c.SECTION_KEYS, (view) => {
        const keys = [view.getBigUint64(8 * i, true), view.getBigUint64(8 * i + 8, true)];
        view.setBigUint64(8 * i, keys[first], true);
        view.setBigUint64(8 * i + 8, keys[second], true);
      });
    expectRefused(withKeys(1, 0), abi.LOAD_BAD_ROWS);
    expectRefused(withKeys(0, 0), abi.LOAD_BAD_ROWS);
    expectRefused(withKeys(1, 1), abi.LOAD_BAD_ROWS);
  });

  it("a key 0 is refused", () => {
    expectRefused(
      inSection(BLOB, c.SECTION_KEYS, (view) => view.setBigUint64(0, 0n, true)),
      abi.LOAD_BAD_ROWS,
    );
  });

  it("every start is refused that is one more or one less, or far away", () => {
    const starts = sectionOf(BLOB, c.SECTION_BUCKETS).length / 4;
    const kernels = KERNELS.filter(({ debug }) => !debug).map(instantiate);
    for (let i = 0; i < starts; i += i === 0 || i > starts - 4 ? 1 : 97) {
      for (const change of [1, -1, 0x80000000]) {
        const wrong = inSection(BLOB, c.SECTION_BUCKETS, (view) =>
          view.setUint32(4 * i, view.getUint32(4 * i, true) + change, true),
        );
        for (const kernel of kernels) expect(loadInto(kernel, wrong), `start ${i} + ${change}`).toBe(abi.LOAD_BAD_ROWS);
      }
    }
  });
});
