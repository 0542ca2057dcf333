import { expect, test } from "vitest";
import { DECOMPRESSION_BYTES, decompressedParts } from "../../../worker/http/decompress.ts";
import { Deadline } from "../../../worker/http/promises.ts";

const SIZE = 16 * 1024;
const ZEROS = 4 * 2 ** 20;

async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** How many bytes come of a body before it ends or fails, and the most in a part; with the error, if there is one. */
async function read(body: Uint8Array) {
  using deadline = new Deadline(30_000, () => new Error("too late"));
  const result = { bytes: 0, most: 0, error: null as unknown };
  try {
    const stream = new Response(Uint8Array.from(body)).body as ReadableStream;
    for await (const part of decompressedParts(stream, "gzip", SIZE, deadline)) {
      result.bytes += part.length;
      result.most = Math.max(result.most, part.length);
    }
  } catch (error) {
    result.error = error;
  }
  return result;
}

test("a body comes in parts of at most the size that is asked for", async () => {
  const { bytes, most, error } = await read(await gzipped(new Uint8Array(ZEROS)));
  expect([bytes, error]).toEqual([ZEROS, null]);
  expect(most).toBeLessThanOrEqual(SIZE);
});

// What runs ahead of its reader meets the damage first, and then the reader gets no more of what was before it.
test("nothing is decompressed ahead of what is read", async () => {
  const damaged = await gzipped(new Uint8Array(ZEROS));
  damaged[damaged.length - 8] ^= 1; // the checksum
  const { bytes, error } = await read(damaged);
  expect(error).not.toBeNull();
  expect(bytes).toBeGreaterThan(ZEROS - 2 * DECOMPRESSION_BYTES);
});
