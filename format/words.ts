// 32-bit words, as the hashes mix them and as pages have them.

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** x rotated to the left by n bits, 0 < n < 32. */
export function rotl(x: number, n: number): number {
  return (x << n) | (x >>> (32 - n));
}

/** The little-endian word of the four bytes from `i` on. */
export function wordAt(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}

/** The little-endian word of the four bytes from `i` on, those at or beyond `end` taken as zeros. */
export function tailAt(bytes: Uint8Array, end: number, i: number): number {
  return (
    byteAt(bytes, end, i) |
    (byteAt(bytes, end, i + 1) << 8) |
    (byteAt(bytes, end, i + 2) << 16) |
    (byteAt(bytes, end, i + 3) << 24)
  );
}

function byteAt(bytes: Uint8Array, end: number, i: number): number {
  return i < end ? (bytes[i] as number) : 0;
}

/**
 * The little-endian words of bytes, whose length is a multiple of 4: the bytes themselves where the machine can read
 * them so, or a copy.
 */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  if (LITTLE_ENDIAN && bytes.byteOffset % 4 === 0)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getUint32(4 * i, true));
}
