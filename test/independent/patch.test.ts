import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { versionOf } from "./container.ts";
import { baseOf, patched } from "./patch.ts";

const folder = new URL("../golden/", import.meta.url);
const bytesOf = (file: string): Buffer => readFileSync(new URL(file, folder));

const patch = bytesOf("store/spline-of-tiny.patch.bin");
const base = bytesOf("tiny.blob.bin");

test("the golden patch makes one golden blob of another", () => {
  expect(baseOf(patch)).toBe(versionOf(base));
  expect(Buffer.compare(patched(patch, base), bytesOf("spline.blob.bin"))).toBe(0);
});

test("the example of section 7 is as it says", () => {
  const steps = Buffer.from([1, 2, 3, ..."X".split("").map(code), 2, 1, 1, ...["Y", "Z"].map(code)]);
  // The example's base with a blob's magic before it, and a blob of its length with the rest of the base behind it.
  const whole = Buffer.alloc(400, 7);
  whole.write("DFEM");
  whole.write("abcdefgh", 4);
  steps[1] = 4 + 2;
  const rest = Buffer.from([0, 0, 0xf9, 0x01]);
  const made = patched(patchOf(Buffer.concat([steps, rest]), 7 + 249, whole.length), whole);
  expect(Buffer.from(made).toString("latin1", 0, 8)).toBe("XcdeYZgh");
});

test.each<[number, string, Buffer]>([
  [1, "shorter than a header", patch.subarray(0, 63)],
  [2, "another magic", edited((bytes) => bytes.write("DFEM"))],
  [2, "another version", edited((bytes) => bytes.writeUInt32LE(2, 4))],
  [2, "more than half of the blob", edited((bytes) => bytes.writeUInt32LE(2 * bytes.length - 2, 12))],
  [2, "too long a blob", edited((bytes) => bytes.writeUInt32LE(37_748_737, 12))],
  [3, "another length than it says", edited((bytes) => bytes.writeUInt32LE(bytes.length - 1, 8))],
  [4, "an end within a step", patchOf(Buffer.from([0, 0]), 400, base.length)],
  [4, "a long number", patchOf(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0]), 400, base.length)],
  [4, "a step of nothing", patchOf(Buffer.from([0, 1, 0]), 400, base.length)],
  [4, "more than its own bytes", patchOf(Buffer.from([5, 0, 0, 1, 2]), 400, base.length)],
  [4, "more than the base", patchOf(Buffer.from([0, 0xff, 0x7f, 1]), 400, base.length)],
  [4, "more than the blob", patchOf(Buffer.from([0, 0, 0x91, 0x03]), 400, base.length)],
  [6, "bytes behind its last step", patchOf(Buffer.from([0, 0, 0x90, 0x03, 1]), 400, base.length)],
])("rule %i: %s", (rule, _, bytes) => {
  expect(() => patched(bytes, base)).toThrow(`rule ${rule}`);
});

test("rule 5: a base that is a patch", () => {
  const other = Buffer.concat([patch, Buffer.alloc(base.length - patch.length)]);
  expect(() => patched(patch, other)).toThrow("rule 5");
});

function code(letter: string): number {
  return letter.charCodeAt(0);
}

function edited(edit: (bytes: Buffer) => unknown): Buffer {
  const bytes = Buffer.from(patch);
  edit(bytes);
  return bytes;
}

/** A patch of these steps, which makes so many bytes of a base of so many. */
function patchOf(steps: Buffer, bytes: number, baseBytes: number): Buffer {
  const header = Buffer.alloc(64);
  header.write("DFED");
  for (const [i, number] of [1, 64 + steps.length, bytes, baseBytes].entries()) header.writeUInt32LE(number, 4 + 4 * i);
  return Buffer.concat([header, steps]);
}
