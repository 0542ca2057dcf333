import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { toHex } from "./hash.ts";

// The patch of a blob: what a store may have in place of a blob that is mostly another one, its base. It makes the blob
// from front to back, out of bytes of its own and ranges of the base, which ascend; so whoever applies it reads patch
// and base as streams, and holds neither of them. That the result is right is what its version says, as of any blob.

export interface PatchHeader {
  /** Of the patch. */
  bytes: number;
  blobBytes: number;
  baseBytes: number;
  /** The version whose blob the base is, 64 hex digits. */
  base: string;
}

/** Whether the value that begins with these bytes is a patch. What is neither that nor a blob is refused later. */
export function isPatch(start: Uint8Array): boolean {
  return start.length >= 4 && viewOf(start).getUint32(0, true) === c.PATCH_MAGIC;
}

/** Reads the header of a patch from its first bytes. Throws FormatError where a number is out of its range. */
export function readPatchHeader(start: Uint8Array): PatchHeader {
  if (start.length < c.PATCH_HEADER_BYTES)
    throw new FormatError("patch", `got ${start.length} bytes, expected at least ${c.PATCH_HEADER_BYTES}`);
  const view = viewOf(start);
  const numberAt = (offset: number, what: string, least: number, most: number): number => {
    const got = view.getUint32(offset, true);
    if (got >= least && got <= most) return got;
    const expected = least === most ? String(least) : `${least} to ${most}`;
    throw new FormatError("patch: header", `got ${what} ${got}, expected ${expected}`);
  };
  numberAt(0, "magic", c.PATCH_MAGIC, c.PATCH_MAGIC);
  numberAt(c.PATCH_HEADER_VERSION, "version", c.PATCH_VERSION, c.PATCH_VERSION);
  const lengthAt = (offset: number, what: string): number =>
    numberAt(offset, what, c.BLOB_HEADER_BYTES, c.MAX_BLOB_BYTES);
  const blobBytes = lengthAt(c.PATCH_HEADER_BLOB_LENGTH, "length of the blob");
  const baseBytes = lengthAt(c.PATCH_HEADER_BASE_LENGTH, "length of the base");
  const most = Math.floor(blobBytes / c.PATCH_FRACTION);
  const bytes = numberAt(c.PATCH_HEADER_LENGTH, "length", c.PATCH_HEADER_BYTES, most);
  return { bytes, blobBytes, baseBytes, base: toHex(start.slice(c.PATCH_HEADER_BASE, c.PATCH_HEADER_BYTES)) };
}

/** The two streams that a blob is made of. */
export type PatchInput = "patch" | "base";

/**
 * Makes the blob of a patch in `blob`, which has the length that the header states. Yields the name of the stream whose
 * next bytes it needs, and is given these, or null where the stream has ended; they must stay until it yields the same
 * name again. The patch is given from its first byte on. Throws FormatError where patch and base do not make a blob
 * of that length.
 */
export function* makeBlob(
  { bytes, baseBytes }: PatchHeader,
  blob: Uint8Array,
): Generator<PatchInput, void, Uint8Array | null> {
  const patch = new Input("patch", bytes);
  const base = new Input("base", baseBytes);
  yield* read(patch, c.PATCH_HEADER_BYTES);
  patch.skip(c.PATCH_HEADER_BYTES);
  for (let at = 0; at < blob.length; ) {
    if (patch.left < STEP_BYTES) yield* read(patch, Math.min(STEP_BYTES, patch.rest));
    const [own, skipped, copied] = [patch.number(), patch.number(), patch.number()];
    if (own + copied === 0) throw new FormatError("patch", "got a step of no bytes, expected at least one");
    refuseBeyond("bytes of its own", own, patch.rest);
    refuseBeyond("bytes of the base", skipped + copied, base.rest);
    refuseBeyond("bytes of the blob", own + copied, blob.length - at);
    if (own > 0) yield* move(patch, own, blob, at);
    if (copied > 0 && base.isUntouched) {
      yield* read(base, 4);
      if (base.word() !== c.BLOB_MAGIC)
        throw new FormatError("patch: base", "got no blob, expected one that is whole: a patch is no base");
    }
    if (skipped > 0) yield* move(base, skipped, null, 0);
    if (copied > 0) yield* move(base, copied, blob, at + own);
    at += own + copied;
  }
  if (patch.rest > 0) throw new FormatError("patch", `got ${patch.rest} bytes behind its last step, expected none`);
  // A stream may say that it ends only when it is asked for more, and then give no bytes.
  patch.keep();
  const more = yield "patch";
  if (more !== null) patch.give(more);
}

/** The blob that a patch makes of its base. Throws FormatError where they do not make one. */
export function applyPatch(patch: Uint8Array, base: Uint8Array): Uint8Array {
  const header = readPatchHeader(patch);
  const blob = new Uint8Array(header.blobBytes);
  const inputs = { patch: [patch], base: [base] };
  const making = makeBlob(header, blob);
  for (let wanted = making.next(); !wanted.done; ) wanted = making.next(inputs[wanted.value].shift() ?? null);
  return blob;
}

/** Bytes of the three numbers of a step. */
const STEP_BYTES = 3 * c.PATCH_NUMBER_BYTES;

/** One of the streams: what was given of it and is not used yet. */
class Input {
  readonly name: PatchInput;
  readonly #length: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #given = 0;

  constructor(name: PatchInput, length: number) {
    this.name = name;
    this.#length = length;
  }

  /** Bytes that are at hand. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes that are not used yet, at hand or to come. */
  get rest(): number {
    return this.#length - this.#given + this.left;
  }

  get isUntouched(): boolean {
    return this.#given === 0;
  }

  give(bytes: Uint8Array | null): void {
    if (bytes === null)
      throw new FormatError(this.name, `got ${this.#given} bytes, expected ${this.#length} as the patch says`);
    this.#given += bytes.length;
    if (this.#given > this.#length)
      throw new FormatError(this.name, `got at least ${this.#given} bytes, expected ${this.#length} as the patch says`);
    const { left } = this;
    if (left === 0) {
      [this.#bytes, this.#at] = [bytes, 0];
      return;
    }
    const joined = new Uint8Array(left + bytes.length);
    joined.set(this.#bytes.subarray(this.#at));
    joined.set(bytes, left);
    [this.#bytes, this.#at] = [joined, 0];
  }

  /** Keeps what is left, as what was given is going to change. */
  keep(): void {
    [this.#bytes, this.#at] = [new Uint8Array(this.#bytes.subarray(this.#at)), 0];
  }

  skip(count: number): void {
    this.#at += count;
  }

  take(count: number): Uint8Array {
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** The next four bytes, which stay. */
  word(): number {
    return viewOf(this.#bytes).getUint32(this.#at, true);
  }

  /** The next number, in LEB128: seven bits a byte, the lowest first, and the highest bit in all but the last. */
  number(): number {
    let value = 0;
    for (let i = 0, unit = 1; i < c.PATCH_NUMBER_BYTES; i++, unit *= 128) {
      if (this.left === 0) throw new FormatError(this.name, "got an end within a step, expected its numbers");
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
    throw new FormatError(this.name, `got a number of more than ${c.PATCH_NUMBER_BYTES} bytes`);
  }
}

/** Has at least so many bytes at hand. */
function* read(input: Input, count: number): Generator<PatchInput, void, Uint8Array | null> {
  while (input.left < count) {
    input.keep();
    input.give(yield input.name);
  }
}

/** Copies so many bytes of an input to a place in the blob; null: they are left out. */
function* move(
  input: Input,
  count: number,
  blob: Uint8Array | null,
  at: number,
): Generator<PatchInput, void, Uint8Array | null> {
  for (let moved = 0; moved < count; ) {
    if (input.left === 0) yield* read(input, 1);
    const some = input.take(Math.min(count - moved, input.left));
    blob?.set(some, at + moved);
    moved += some.length;
  }
}

function refuseBeyond(what: string, got: number, most: number): void {
  if (got > most) throw new FormatError("patch", `got a step of ${got} ${what}, expected at most the ${most} left`);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
