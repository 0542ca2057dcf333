import { openSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { DataSettings } from "../../../format/spec.ts";
import { openLog, placesOf, readRows, testFolder, writerInto } from "./log-files.ts";

// What compression programs and shells make of a log.

const file = writerInto(testFolder("compressed"));
const HEAD = "label,user\n1,a\n";
const TAIL = "0,b\n";
const ROWS = [
  ["1", "a"],
  ["0", "b"],
];

test("a gzip file of several members is read whole, as gzip's own -d does", async () => {
  const path = file("members.csv.gz", Buffer.concat([gzipSync(HEAD), gzipSync(TAIL)]));
  expect(await readRows(["label", "user"], path)).toEqual(ROWS);
});

describe("a zstd file of several frames", () => {
  const skipped = Buffer.from("502a4d180400000061626364", "hex"); // a frame that has no text (RFC 8878, 3.1.2)
  const frames = (name: string, tail: Buffer): string =>
    file(name, Buffer.concat([skipped, zstdCompressSync(HEAD), zstdCompressSync("0,"), tail]));
  const rest = zstdCompressSync("b\n");

  test.each<[string, Partial<DataSettings>]>([
    ["in UTF-8", {}],
    ["in another encoding", { encoding: "latin-1" }],
  ])("is read whole, %s", async (_, data) => {
    const path = frames("frames.csv.zst", Buffer.concat([rest, skipped]));
    expect(await readRows(["label", "user"], path, data)).toEqual(ROWS);
  });

  test("names the line of a record in a later one", async () => {
    await using log = await openLog(frames("places.csv.zst", rest));
    expect((await placesOf(log)).at(-1)).toMatch(/places\.csv\.zst, line 3$/);
  });

  test("is refused where a later one is cut off, and where something else follows", async () => {
    const cut = frames("cut.csv.zst", rest.subarray(0, -2));
    await expect(readRows(["user"], cut)).rejects.toThrow("cut.csv.zst: got a damaged file: unexpected end of file");
    const more = frames("more.csv.zst", Buffer.concat([rest, Buffer.from("more")]));
    for (const data of [{}, { encoding: "latin-1" } as const])
      await expect(readRows(["user"], more, data)).rejects.toThrow(/more\.csv\.zst: .*Unknown frame descriptor/);
  });
});

test("a gzip file with zeros after its end, as tapes leave them, is refused by name", async () => {
  const path = file("padded.csv.gz", Buffer.concat([gzipSync(HEAD + TAIL), Buffer.alloc(512)]));
  await expect(readRows(["label", "user"], path)).rejects.toThrow(/padded\.csv\.gz: .*not a GZIP stream/);
});

test("a damaged gzip file in another encoding, which is copied, is refused by name", async () => {
  const path = file("cut.csv.gz", gzipSync(HEAD + TAIL).subarray(0, -4));
  const problem = "cut.csv.gz: got a damaged file: unexpected end of file";
  await expect(readRows(["user"], path, { encoding: "latin-1" })).rejects.toThrow(problem);
});

test("an open file's descriptor is no name of a log", async () => {
  const descriptor = openSync(file("open.csv", HEAD + TAIL), "r");
  await expect(readRows(["label"], `/dev/fd/${descriptor}`)).rejects.toThrow(`/dev/fd/${descriptor}`);
});
