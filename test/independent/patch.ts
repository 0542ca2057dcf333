import { viewOf } from "./container.ts";

// FORMAT.md, section 7: the blob that a patch makes of its base, and rule 1 to 6 of section 9 for patches.

const BLOB_MAGIC = 0x4d454644;
const PATCH_MAGIC = 0x44454644;
const HEADER = 64;
const LEAST_BLOB = 192;
const MOST_BLOB = 37_748_736;

/** The version of a patch's base, 64 hex digits. */
export function baseOf(patch: Uint8Array): string {
  return Buffer.from(patch.subarray(32, HEADER)).toString("hex");
}

/** The blob. Throws an error that begins with the number of a rule where one of them refuses the patch. */
export function patched(patch: Uint8Array, base: Uint8Array): Uint8Array {
  const rule = (number: number, holds: boolean): void => {
    if (!holds) throw new Error(`rule ${number}`);
  };
  rule(1, patch.length >= HEADER);
  const u32 = (offset: number): number => viewOf(patch).getUint32(offset, true);
  const [length, blobLength, baseLength] = [u32(8), u32(12), u32(16)];
  rule(2, u32(0) === PATCH_MAGIC && u32(4) === 1);
  for (const one of [blobLength, baseLength]) rule(2, one >= LEAST_BLOB && one <= MOST_BLOB);
  rule(2, length >= HEADER && 2 * length <= blobLength);
  rule(3, patch.length === length && base.length === baseLength);

  const made: number[] = [];
  let [at, from] = [HEADER, 0];
  const number = (): number => {
    let value = 0n;
    for (let i = 0n; i < 5n; i++) {
      rule(4, at < length);
      const byte = BigInt(patch[at++] ?? 0);
      value |= (byte & 127n) << (7n * i);
      if (byte < 128n) return Number(value);
    }
    throw new Error("rule 4");
  };
  while (made.length < blobLength) {
    const [own, skipped, copied] = [number(), number(), number()];
    rule(4, own + copied > 0 && own <= length - at && skipped + copied <= baseLength - from);
    rule(4, own + copied <= blobLength - made.length);
    if (copied > 0) rule(5, viewOf(base).getUint32(0, true) === BLOB_MAGIC);
    for (const end = at + own; at < end; at++) made.push(patch[at] ?? 0);
    from += skipped;
    for (const end = from + copied; from < end; from++) made.push(base[from] ?? 0);
  }
  rule(6, at === length);
  return Uint8Array.from(made);
}
