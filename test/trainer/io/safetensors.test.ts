// Files of tensors in parts: none is in memory as one buffer, and any reader of the format reads them.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { partsOf } from "../../../trainer/io/parts.ts";
import { type NamedTensor, readMetadata, readSafetensors, writeSafetensors } from "../../../trainer/io/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "tensors.safetensors");

const random = new Random(1);
const tensors: Record<string, NamedTensor> = {
  floats: { shape: [7, 3], data: Float32Array.from({ length: 21 }, () => random.normal()) },
  none: { shape: [0, 4], data: new Float32Array(0) },
  halves: { shape: [5], data: Uint16Array.of(0, 1, 65_535, 3, 4) },
  words: { shape: [2, 2], data: Uint32Array.of(0, 2 ** 32 - 1, 7, 8) },
};
const metadata = { spec: '{"name":"ä"}', note: "crc32" };

/** Another program's reader, written from the format's description alone. */
function readIndependently(bytes: Uint8Array): { header: Record<string, { shape?: number[] }>; data: Uint8Array[] } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const data = Object.keys(tensors).map((name) => {
    const [from, to] = header[name].data_offsets;
    return bytes.slice(8 + length + from, 8 + length + to);
  });
  return { header, data };
}

describe("tensors", () => {
  it.each([1, 3, 4, 1000])("come back from parts of %d bytes, whatever the size of the parts", (partBytes) => {
    writeSafetensors(path, tensors, metadata, partBytes);
    const bytes = readFileSync(path);
    writeSafetensors(path, tensors, metadata);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readSafetensors(path, partBytes)).toEqual({ tensors, metadata });
    expect(readMetadata(path)).toEqual(metadata);
  });

  it("are read by any reader", () => {
    writeSafetensors(path, tensors, metadata, 5);
    const { header, data } = readIndependently(new Uint8Array(readFileSync(path)));
    expect(header.__metadata__).toEqual({ ...metadata, crc32: expect.stringMatching(/^[0-9a-f]{8}$/) });
    Object.entries(tensors).forEach(([name, { shape, data: list }], i) => {
      expect(header[name]?.shape).toEqual(shape);
      expect(data[i]).toEqual(new Uint8Array(list.buffer));
    });
  });

  it("are taken from a file without a checksum, and in any order of names", () => {
    const header = {
      second: { dtype: "U16", shape: [2], data_offsets: [4, 8] },
      first: { dtype: "F32", shape: [], data_offsets: [0, 4] },
    };
    const json = new TextEncoder().encode(JSON.stringify(header));
    const bytes = new Uint8Array(8 + json.length + 8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    new DataView(bytes.buffer).setFloat32(8 + json.length, 1.5, true);
    bytes.set([1, 0, 2, 0], 12 + json.length);
    writeFileSync(path, bytes);
    expect(readSafetensors(path).tensors).toEqual({
      first: { shape: [], data: Float32Array.of(1.5) },
      second: { shape: [2], data: Uint16Array.of(1, 2) },
    });
    expect(readMetadata(path)).toEqual({});
  });
});

describe("a file is refused by name", () => {
  it.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ["that is cut short", (bytes) => bytes.subarray(0, -1), /words: got bytes \d+ to \d+ of \d+, expected 16 of them/],
    ["that is too long", (bytes) => Buffer.concat([bytes, bytes]), /: got \d+ bytes of tensors, expected \d+/],
    ["without a header", (bytes) => bytes.subarray(0, 4), /: got 4 bytes, expected a header that fits in them/],
    ["with a header beyond its end", (bytes) => bytes.with(3, 1), /: got \d+ bytes, expected a header that fits/],
  ])("%s", (_, damage, problem) => {
    writeSafetensors(path, tensors, metadata);
    writeFileSync(path, damage(new Uint8Array(readFileSync(path))));
    for (const read of [readSafetensors, readMetadata]) expect(() => read(path)).toThrow(problem);
    expect(() => readSafetensors(path)).toThrow(path);
  });

  it("where any byte of a tensor has changed, and its metadata are asked for alone", () => {
    writeSafetensors(path, tensors, metadata);
    const bytes = readFileSync(path);
    for (let at = bytes.length - 110; at < bytes.length; at++) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = ~(damaged[at] ?? 0);
      writeFileSync(path, damaged);
      for (const read of [readSafetensors, readMetadata]) expect(() => read(path)).toThrow(/got the checksum /);
    }
  });
});

it("an array's parts share its memory, and are no longer than asked for", () => {
  const list = Uint32Array.of(1, 2, 3, 4, 5).subarray(1);
  const parts = [...partsOf(list, 6)];
  expect(parts.map(({ length }) => length)).toEqual([6, 6, 4]);
  for (const part of parts) expect(part.buffer).toBe(list.buffer);
  expect(Buffer.concat(parts)).toEqual(Buffer.from(list.slice().buffer));
});

it("writing leaves no other file", () => {
  writeSafetensors(path, tensors, metadata, 1);
  expect(readdirSync(folder)).toEqual(["tensors.safetensors"]);
  expect(statSync(path).size % 2).toBe(0);
});
