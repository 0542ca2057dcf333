import { BodyError } from "./errors.ts";

// CBOR (RFC 8949), as far as bodies need it: what JSON has, with definite lengths, and lists of numbers as typed arrays
// (RFC 8746), which are copied in one go. Whatever else CBOR has is refused where it stands.

/** Numbers of a list, all of one type. */
export type NumberArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** By their tags: little-endian, as all machines are that run Workers. */
const TYPED_ARRAYS: ReadonlyMap<number, new (buffer: ArrayBuffer) => NumberArray> = new Map<
  number,
  new (
    buffer: ArrayBuffer,
  ) => NumberArray
>([
  [64, Uint8Array],
  [69, Uint16Array],
  [70, Uint32Array],
  [77, Int16Array],
  [78, Int32Array],
  [85, Float32Array],
  [86, Float64Array],
]);

/** Levels of a body: itself, a list of records, its columns, a column, its values, the values of one of them. */
const MAX_DEPTH = 8;

/** Bytes of memory of an item beside its text: an object, or a number and its place in a list that doubles. */
const ITEM_BYTES = 32;
/** Of an object with a member; each further one is two items. */
const OBJECT_BYTES = 64;
/** Of a byte of text: in UTF-16, and again in the text of the whole body. */
const TEXT_FACTOR = 3;
/** Items that are read before their memory is taken anew. */
const ITEMS_AT_A_TIME = 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

/**
 * Reads bytes of CBOR, all of them as one item. `reserve` is told, before it is taken, how much memory what was read
 * so far takes, in bytes; it may throw. Throws BodyError, with the place in bytes, where they are not such CBOR.
 */
export function readCbor(bytes: Uint8Array, reserve: (bytes: number) => void): unknown {
  const reader = new CborReader(bytes, reserve);
  reserve(TEXT_FACTOR * bytes.length);
  const value = reader.item(0);
  if (reader.at < bytes.length) throw reader.refuse("more bytes after the body");
  return value;
}

class CborReader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #reserve: (bytes: number) => void;
  /** Each byte as a character: a text of ASCII is a part of it, which costs less than to decode it. */
  readonly #characters: string;
  #memory: number;
  #items = 0;

  constructor(bytes: Uint8Array, reserve: (bytes: number) => void) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#reserve = reserve;
    this.#memory = TEXT_FACTOR * bytes.length;
    this.#characters = latin1.decode(bytes);
  }

  refuse(got: string): BodyError {
    return new BodyError("not-cbor", `the body is not the CBOR that is taken: got ${got} at byte ${this.at}`);
  }

  item(depth: number): unknown {
    if (depth > MAX_DEPTH) throw this.refuse(`more than ${MAX_DEPTH} levels`);
    this.#take(ITEM_BYTES);
    const first = this.#byte();
    const low = first & 31;
    switch (first >> 5) {
      case 0:
        return this.#argument(low);
      case 1: {
        const n = this.#argument(low);
        return typeof n === "bigint" ? -1n - n : -1 - n;
      }
      case 3:
        return this.#text(this.#length(low));
      case 4:
        return this.#list(this.#length(low), depth);
      case 5:
        return this.#object(this.#length(low), depth);
      case 6:
        return this.#typedArray(this.#length(low));
      case 7:
        return this.#simple(low);
      default:
        throw this.refuse("a byte string that is no typed array");
    }
  }

  /** Takes the memory for a while, so that it is not asked for at every item. */
  #take(bytes: number): void {
    this.#memory += bytes;
    if (this.#items++ % ITEMS_AT_A_TIME === 0) this.#reserve(this.#memory + ITEMS_AT_A_TIME * OBJECT_BYTES);
  }

  #need(bytes: number): number {
    const start = this.at;
    if (bytes > this.#bytes.length - start) throw this.refuse("the end of the body within an item");
    this.at += bytes;
    return start;
  }

  #byte(): number {
    return this.#bytes[this.#need(1)] as number;
  }

  #argument(low: number): number | bigint {
    if (low < 24) return low;
    if (low === 24) return this.#byte();
    if (low === 25) return this.#view.getUint16(this.#need(2));
    if (low === 26) return this.#view.getUint32(this.#need(4));
    if (low !== 27) throw this.refuse(low === 31 ? "an indefinite length" : "a reserved head");
    const n = this.#view.getBigUint64(this.#need(8));
    return n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n;
  }

  #length(low: number): number {
    return Number(this.#argument(low));
  }

  #text(length: number): string {
    const start = this.#need(length);
    for (let i = start; i < this.at; i++) {
      if ((this.#bytes[i] as number) < 0x80) continue;
      try {
        return utf8.decode(this.#bytes.subarray(start, this.at));
      } catch {
        throw this.refuse("a text that is not UTF-8");
      }
    }
    return this.#characters.slice(start, this.at);
  }

  /** Room is made as its items come: the length that it states may be anything. */
  #list(length: number, depth: number): unknown[] {
    const list: unknown[] = [];
    for (let i = 0; i < length; i++) list.push(this.item(depth + 1));
    return list;
  }

  #object(length: number, depth: number): object {
    this.#take(OBJECT_BYTES);
    const members = new Map<string, unknown>();
    for (let i = 0; i < length; i++) {
      const name = this.item(depth + 1);
      if (typeof name !== "string") throw this.refuse("a name that is no text");
      if (members.has(name)) throw this.refuse("a name twice in one map");
      members.set(name, this.item(depth + 1));
    }
    return Object.fromEntries(members);
  }

  #typedArray(tag: number): NumberArray {
    const Numbers = TYPED_ARRAYS.get(tag);
    if (!Numbers) throw this.refuse(`the tag ${tag}`);
    const first = this.#byte();
    if (first >> 5 !== 2) throw this.refuse(`the tag ${tag} of no byte string`);
    const length = this.#length(first & 31);
    const start = this.#need(length);
    this.#take(length);
    try {
      return new Numbers(this.#bytes.slice(start, this.at).buffer);
    } catch {
      throw this.refuse(`${length} bytes of the typed array with the tag ${tag}`);
    }
  }

  #simple(low: number): unknown {
    switch (low) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 23:
        return undefined;
      case 25:
        return halfFloat(this.#view.getUint16(this.#need(2)));
      case 26:
        return this.#view.getFloat32(this.#need(4));
      case 27:
        return this.#view.getFloat64(this.#need(8));
      default:
        throw this.refuse("a simple value that JSON has not");
    }
  }
}

/** A number of 16 bits, RFC 8949, appendix D. */
function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
