import { openSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readRows, testFolder, writerInto } from "./log-files.ts";

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
