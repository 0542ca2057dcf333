import type { EncodedRecords } from "../format/encoded-records.ts";
import { FormatError } from "../format/errors.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import type { RawValue } from "../format/raw-value.ts";
import { type EncodeField, type FieldSide, fieldEncoder } from "../format/record.ts";
import * as abi from "./abi.ts";
import { type EncoderPlan, encoderPlan, sideCode } from "./encoder-plan.ts";
import type { KernelExports } from "./kernel-exports.ts";

/** Words of a member, and its float64 numbers. */
const MEMBER_WORDS = abi.MEMBER_BYTES / 4;
const MEMBER_NUMBERS = abi.MEMBER_BYTES / 8;

/** Bytes of the longest text that is made of its bytes. For longer ones JSON.parse is quicker. */
const MAX_TEXT = 64;

/** Adds the entries of a member of the kernel's. Returns false where its value is not simple for the field. */
type EncodeMember = (column: number, out: EncodedRecords) => boolean;

/**
 * Encodes records from their JSON, as RecordEncoder encodes the objects that JSON.parse makes of them: in the kernel,
 * where no object and no text is made on the way; but for fields whose values are numbers, lists or prepared, which the
 * kernel finds and the host encodes. It takes only what is simple: ASCII texts without escapes, short decimal numbers,
 * true, false and null. All else, what is wrong with a record included, is for RecordEncoder.
 */
export class JsonEncoder {
  readonly #kernel: KernelExports;
  readonly #fields: number;
  readonly #text: Uint8Array;
  readonly #keys: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #members: Uint32Array;
  readonly #numbers: Float64Array;
  readonly #textAddress: number;
  readonly #hostColumns: Int32Array;
  readonly #sides: readonly FieldSide[];
  /** By field: what encodes its member where the host does. */
  readonly #encode: readonly (EncodeMember | null)[];
  /** How many records the kernel takes at a time. */
  readonly #batch: number;

  private constructor(kernel: KernelExports, { fields, hashKey }: FittedSpec, { columns, hostColumns }: EncoderPlan) {
    const { buffer } = kernel.memory;
    this.#kernel = kernel;
    this.#fields = fields.length;
    this.#textAddress = kernel.textAddress();
    this.#text = new Uint8Array(buffer, this.#textAddress, abi.TEXT_BYTES);
    this.#keys = new Uint32Array(buffer, kernel.keysAddress(), 2 * abi.MAX_ENTRIES);
    this.#offsets = new Uint32Array(buffer, kernel.offsetsAddress(), abi.MAX_BATCH * fields.length + 1);
    this.#members = new Uint32Array(buffer, kernel.membersAddress(), columns * MEMBER_WORDS);
    this.#numbers = new Float64Array(buffer, kernel.membersAddress(), columns * MEMBER_NUMBERS);
    this.#hostColumns = hostColumns;
    this.#sides = fields.map(({ side }) => side);
    const isHosts = (f: number): boolean => (hostColumns[f] as number) >= 0;
    this.#encode = fields.map((field, f) =>
      isHosts(f) ? this.#memberEncoder(fieldEncoder(field, hashKey), field.type === "numeric" && !field.prepare) : null,
    );
    // The members of one record are there at a time.
    this.#batch = this.#encode.every((encode) => encode === null) ? abi.MAX_BATCH : 1;
  }

  /**
   * Gives a kernel the plan of its model, for which its memory may grow. `hasPages`: whether pages have rows of it.
   * Null for a model whose records the kernel cannot encode. Throws FormatError without memory.
   */
  static of(kernel: KernelExports, spec: FittedSpec, hasPages: boolean): JsonEncoder | null {
    const plan = encoderPlan(spec, hasPages);
    if (plan === null) return null;
    const address = kernel.reservePlan(plan.columns, plan.bytes.length);
    if (address === 0) throw new FormatError("blob", "got no memory for what encodes its records");
    new Uint8Array(kernel.memory.buffer, address, plan.bytes.length).set(plan.bytes);
    kernel.usePlan(plan.isKeyed);
    return new JsonEncoder(kernel, spec, plan);
  }

  /** Whether the kernel makes all entries of a record, and the host none. */
  get isAlone(): boolean {
    return this.#batch > 1;
  }

  /**
   * Appends the records that begin at `bytes[at]`, with commas between them, and end before `end`, as long as they are
   * simple and `out` has no more than `maxEntries`. `side`: only its fields get entries, and only they may be there.
   * Returns the position after the last one; -1 where there is none.
   */
  encode(
    bytes: Uint8Array,
    at: number,
    end: number,
    out: EncodedRecords,
    maxEntries: number,
    side: FieldSide | undefined,
  ): number {
    return this.each(bytes, at, end, side, (records) => this.#append(records, out, maxEntries, side));
  }

  /**
   * Encodes the records that begin at `bytes[at]` as `encode` does, a batch at a time, and leaves them in the kernel's
   * buffers: `take` is told how many they are, and returns false where it does not take them.
   */
  each(
    bytes: Uint8Array,
    at: number,
    end: number,
    side: FieldSide | undefined,
    take: (records: number) => boolean,
  ): number {
    const kernel = this.#kernel;
    const code = sideCode(side);
    let done = -1;
    // What does not fit at once goes in windows, each from the record on that the one before has cut.
    for (let from = at; ; ) {
      const size = Math.min(end - from, abi.TEXT_BYTES);
      this.#text.set(bytes.subarray(from, from + size));
      let start = 0;
      for (;;) {
        const count = kernel.encodeJson(start, size, this.#batch, code);
        if (count === 0) break;
        if (!take(count)) return done;
        done = from + kernel.encodedEnd();
        const next = kernel.encodedNext();
        if (next === 0) return done;
        start = next;
      }
      if (start === 0 || from + size === end) return done;
      from += start;
    }
  }

  /** Appends what the kernel has made of records. Returns false, and appends nothing, where it cannot be. */
  #append(records: number, out: EncodedRecords, maxEntries: number, side: FieldSide | undefined): boolean {
    const offsets = this.#offsets;
    const entries = offsets[records * this.#fields] as number;
    if (this.#batch > 1) {
      if (out.entries + entries > maxEntries) return false;
      out.append(records, offsets.subarray(0, records * this.#fields + 1), this.#keys.subarray(0, 2 * entries));
      return true;
    }
    const { entries: before } = out;
    const isAppended = this.#appendOne(out, side);
    if (isAppended && out.entries <= maxEntries) return true;
    if (isAppended) out.count--;
    out.entries = before;
    return false;
  }

  #appendOne(out: EncodedRecords, side: FieldSide | undefined): boolean {
    const fields = this.#fields;
    const base = out.count * fields;
    out.reserveOffsets(base + fields + 1);
    out.offsets[base] = out.entries;
    for (let f = 0; f < fields; f++) {
      const encode = this.#encode[f];
      if (encode) {
        if ((!side || this.#sides[f] === side) && !encode(this.#hostColumns[f] as number, out)) return false;
      } else {
        const last = this.#offsets[f + 1] as number;
        for (let entry = this.#offsets[f] as number; entry < last; entry++)
          out.add(this.#keys[2 * entry] as number, this.#keys[2 * entry + 1] as number, 1);
      }
      out.offsets[base + f + 1] = out.entries;
    }
    out.count++;
    return true;
  }

  /** `isNumber`: whether values are numbers mostly, so that texts are left to RecordEncoder. */
  #memberEncoder(encode: EncodeField, isNumber: boolean): EncodeMember {
    return (column, out) => {
      const member = column * MEMBER_WORDS;
      const kind = this.#members[member];
      const number = this.#numbers[column * MEMBER_NUMBERS + abi.MEMBER_NUMBER / 8] as number;
      let value: RawValue;
      if (kind === abi.MEMBER_WHOLE || kind === abi.MEMBER_DECIMAL) value = number;
      else if (kind === abi.MEMBER_BOOLEAN) value = number === 1;
      else if (kind === abi.MEMBER_TEXT) {
        const start = (this.#members[member + abi.MEMBER_START / 4] as number) - this.#textAddress;
        const end = (this.#members[member + abi.MEMBER_END / 4] as number) - this.#textAddress;
        if (end - start > (isNumber ? 0 : MAX_TEXT)) return false;
        value = String.fromCharCode(...this.#text.subarray(start, end));
      }
      try {
        encode(value, out, "");
        return true;
      } catch (error) {
        if (error instanceof FormatError) return false;
        throw error;
      }
    };
  }
}
