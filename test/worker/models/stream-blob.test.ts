import { describe, expect, test, vi } from "vitest";
import * as c from "../../../format/constants.ts";
import type { PlacedBlob } from "../../../runtime/placed-blob.ts";
import { Deadline } from "../../../worker/http/promises.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { streamBlob } from "../../../worker/models/stream-blob.ts";
import { PATIENCE } from "../client.ts";

const { module } = bestKernelModule();

function read(stream: ReadableStream | null): Promise<PlacedBlob> {
  const deadline = new Deadline(30_000, () => new Error("late"));
  return streamBlob(module, stream as ReadableStream, deadline).finally(() => deadline[Symbol.dispose]());
}

/** `length` bytes, whose header states `stated`. */
function bytesOf(length: number, stated = length): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from({ length }, (_, i) => (7 * i) ^ (i >> 8));
  if (length >= c.BLOB_HEADER_BYTES) new DataView(bytes.buffer).setUint32(c.BLOB_HEADER_LENGTH, stated, true);
  return bytes;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** A stream of parts of `size` bytes, as a network may bring them. */
function streamOf(bytes: Uint8Array<ArrayBuffer>, size: number): ReadableStream {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at + size));
      else controller.close();
      if (at >= bytes.length) controller.byobRequest?.respond(0);
      at += size;
    },
  });
}

test.each([192, 1000, 262_143, 262_144, 262_145, 524_288, 700_001])(
  "%i bytes come into the kernel's memory",
  async (length) => {
    const bytes = bytesOf(length);
    const whole = await read(new Response(bytes).body);
    expect(isSame(whole.bytes, bytes)).toBe(true);
    expect(whole.bytes.buffer).toBe(whole.kernel.memory.buffer);
    const parts = await read(streamOf(bytes, 50_000));
    expect(isSame(parts.bytes, bytes)).toBe(true);
  },
);

/** A stream of a program's own chunks, of so many bytes. */
function programsStream(bytes: Uint8Array<ArrayBuffer>, size: number): ReadableStream {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
  });
}

test.each([1, 3, 100, 191, 192, 193])("a program's chunks may have %i bytes", async (size) => {
  const bytes = bytesOf(1000);
  expect(isSame((await read(programsStream(bytes, size))).bytes, bytes)).toBe(true);
  await expect(read(programsStream(bytesOf(150), size))).rejects.toThrow("got 150 bytes, expected at least 192");
});

test.each([
  [bytesOf(0), "got 0 bytes, expected at least 192"],
  [bytesOf(191), "got 191 bytes, expected at least 192"],
  [bytesOf(1000, 1001), "got 1000 bytes, expected 1001 as its header says"],
  [bytesOf(1000, 999), "got at least 1000 bytes, expected 999 as its header says"],
  [bytesOf(300_000, 262_145), "got at least 300000 bytes, expected 262145 as its header says"],
  [bytesOf(600_000, 262_145), "got at least 524288 bytes, expected 262145 as its header says"],
  [bytesOf(300_000, c.MAX_BLOB_BYTES + 1), `got ${c.MAX_BLOB_BYTES + 1} bytes, expected at most ${c.MAX_BLOB_BYTES}`],
])("refuses what is not as long as it says", async (bytes, why) => {
  await expect(read(new Response(bytes).body)).rejects.toThrow(why);
});

describe("a blob in parts", () => {
  const bytes = bytesOf(700_001);
  const size = 300_000;
  const rest = [bytes.slice(size, 2 * size), bytes.slice(2 * size)];
  /** Reads a blob whose first part is `first`, and the others `others`. */
  function readParts(first: Uint8Array<ArrayBuffer>, others: (Uint8Array<ArrayBuffer> | null)[]): Promise<PlacedBlob> {
    const open = async (part: Uint8Array<ArrayBuffer> | null) => part && new Response(part).body;
    const parts = { bytes: size, rest: () => others.map(open), base: () => [] };
    const deadline = new Deadline(30_000, () => new Error("late"));
    const stream = new Response(first).body as ReadableStream;
    return streamBlob(module, stream, deadline, () => {}, parts).finally(() => deadline[Symbol.dispose]());
  }

  test("is one in the kernel's memory", async () => {
    expect(isSame((await readParts(bytes.slice(0, size), rest)).bytes, bytes)).toBe(true);
  });

  test.each([
    [bytes.slice(0, size - 1), rest, "got 299999 bytes, expected 300000 in the first part of 700001"],
    [bytes.slice(0, size + 1), rest, "got at least 300001 bytes, expected 300000 in the first part of 700001"],
    [bytes.slice(0, size), [rest[0] ?? null, null], "got no part 2, expected 100001 bytes"],
    [bytes.slice(0, size), [bytes.slice(1, size), rest[1] ?? null], "got 299999 bytes as part 1, expected 300000"],
    [bytes.slice(0, size), [rest[0] ?? null, bytes], "as part 2, expected 100001"],
  ])("is refused where a part is not as long as it must be", async (first, others, why) => {
    await expect(readParts(first, others)).rejects.toThrow(why);
  });
});

describe("a patch of a blob in parts", () => {
  const base = bytesOf(700_001);
  new DataView(base.buffer).setUint32(0, c.BLOB_MAGIC, true);
  const size = 300_000;
  const parts = [base.slice(0, size), base.slice(size, 2 * size), base.slice(2 * size)];
  const own = bytesOf(1000);
  /** 1000 bytes of its own, and then the base, but for what is behind the first 100 bytes of its last part. */
  const steps = [...leb128(own.length), 0, ...leb128(2 * size + 100), ...own];
  const patch = new Uint8Array(c.PATCH_HEADER_BYTES + steps.length);
  const header = [c.PATCH_MAGIC, c.PATCH_VERSION, patch.length, own.length + 2 * size + 100, base.length];
  patch.set(new Uint8Array(Uint32Array.from(header).buffer));
  patch.set(steps, c.PATCH_HEADER_BYTES);

  function readPatch(opened: (ReadableStream | null)[]): Promise<PlacedBlob> {
    const open = (_: string, length: number) => {
      expect(length).toBe(base.length);
      return opened.map(async (stream) => stream);
    };
    const deadline = new Deadline(30_000, () => new Error("late"));
    const stream = new Response(patch).body as ReadableStream;
    const source = { bytes: size, rest: () => [], base: open };
    return streamBlob(module, stream, deadline, () => {}, source).finally(() => deadline[Symbol.dispose]());
  }

  test("is made of all of them in the kernel's memory", async () => {
    const { bytes } = await readPatch(parts.map((part) => new Response(part).body));
    expect(isSame(bytes.slice(0, own.length), own)).toBe(true);
    expect(isSame(bytes.slice(own.length), base.slice(0, 2 * size + 100))).toBe(true);
  });

  test("is refused where one is missing, and those behind it are given up", async () => {
    const last = new Response(parts[2]).body as ReadableStream;
    const cancelled = vi.spyOn(last, "cancel");
    const opened = [new Response(parts[0]).body, null, last];
    await expect(readPatch(opened)).rejects.toThrow("patch: base: got no blob/");
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce(), PATIENCE);
  });
});

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb128(Math.floor(value / 128))];
}

test("a stream that breaks off is an error, not a shorter blob", async () => {
  const broken = new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(bytesOf(1000));
      controller.error(new Error("the connection was lost"));
    },
  });
  await expect(read(broken)).rejects.toThrow("the connection was lost");
});

test("a stream that hangs is given up when the time is over", async () => {
  using deadline = new Deadline(20, () => new Error("late"));
  const hanging = new ReadableStream({ type: "bytes", pull: () => new Promise(() => {}) });
  await expect(streamBlob(module, hanging, deadline)).rejects.toThrow("late");
});
