// The members of a record's JSON, as far as they are simple: ASCII texts without escapes, decimal numbers, true, false
// and null. Most records have no others. What is not simple is left to JSON.parse, which knows all of JSON.

const QUOTE = 0x22;
const PLUS_ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const POINT = 0x2e;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What a member's value is. */
export const ABSENT = 0;
/** A text, null and "" included: its bytes are between its quotes. */
export const TEXT = 1;
/** A whole number, whose bytes are its canonical text. */
export const WHOLE = 2;
/** Another number. */
export const DECIMAL = 3;
/** true or false, as its bytes say. */
export const BOOLEAN = 4;

/**
 * Digits of a number that is read here. With so few, a number without its point is a whole float64, and so is the
 * power of ten that it is divided by, so that the quotient is the float64 that is nearest to the number (Clinger, "How
 * to Read Floating Point Numbers Accurately", 1990).
 */
const MAX_DIGITS = 15;

/** The values of one record at a time, by column. */
export class JsonFields {
  /** [columns]: one of the constants above. */
  readonly kinds: Uint8Array;
  /** [columns]: where the text begins, and where it ends. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** [columns]: the number of WHOLE and DECIMAL; 1 for true, 0 for false. */
  readonly numbers: Float64Array;
  readonly #names: readonly Uint8Array[];
  readonly #positions: ReadonlyMap<string, number>;
  readonly #longestName: number;
  /** The column of the n-th member of the record before: mostly that of this record, too. */
  readonly #expected: number[] = [];

  constructor(columns: readonly string[]) {
    const count = columns.length;
    this.kinds = new Uint8Array(count);
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
    this.numbers = new Float64Array(count);
    this.#names = columns.map((column) => new TextEncoder().encode(column));
    this.#positions = new Map(columns.map((column, i) => [column, i]));
    this.#longestName = Math.max(0, ...columns.map(({ length }) => length));
  }

  /**
   * Reads the object at `bytes[at]`, which ends before `end`. Returns the position after it; -1 where it is not simple,
   * or a member is no column's, or it is not JSON.
   */
  read(bytes: Uint8Array, at: number, end: number): number {
    this.kinds.fill(ABSENT);
    if (bytes[at] !== OPEN_OBJECT) return -1;
    let next = skipSpace(bytes, at + 1);
    if (bytes[next] === CLOSE_OBJECT) return next + 1;
    for (let member = 0; ; member++) {
      const column = this.#column(bytes, next, end, member);
      if (column < 0) return -1;
      next = skipSpace(bytes, next + (this.#names[column] as Uint8Array).length + 2);
      if (bytes[next] !== COLON) return -1;
      next = this.#value(bytes, skipSpace(bytes, next + 1), end, column);
      if (next < 0 || next >= end) return -1;
      next = skipSpace(bytes, next);
      if (bytes[next] === CLOSE_OBJECT) return next + 1;
      if (bytes[next] !== COMMA) return -1;
      next = skipSpace(bytes, next + 1);
    }
  }

  /** The column that the name at `bytes[at]` is of; -1 where it is none, or its quotes are not plain. */
  #column(bytes: Uint8Array, at: number, end: number, member: number): number {
    if (bytes[at] !== QUOTE) return -1;
    const expected = this.#expected[member];
    if (expected !== undefined && isName(bytes, at + 1, this.#names[expected] as Uint8Array)) return expected;
    // A longer name is no column's, and may be as long as the body.
    const close = endOfText(bytes, at + 1, Math.min(end, at + this.#longestName + 2));
    if (close < 0) return -1;
    const column = this.#positions.get(String.fromCharCode(...bytes.subarray(at + 1, close)));
    if (column === undefined) return -1;
    // A record that has names twice must not make the list longer.
    if (member < this.#names.length) this.#expected[member] = column;
    return column;
  }

  /** Reads the value at `bytes[at]`. Returns the position after it, or -1. */
  #value(bytes: Uint8Array, at: number, end: number, column: number): number {
    const first = bytes[at] as number;
    if (first === QUOTE) {
      const close = endOfText(bytes, at + 1, end);
      return close < 0 ? -1 : this.#take(column, TEXT, at + 1, close, Number.NaN, close + 1);
    }
    if (first === MINUS || (first >= PLUS_ZERO && first <= NINE)) return this.#number(bytes, at, end, column);
    if (isName(bytes, at, NULL, 0)) return this.#take(column, TEXT, at, at, Number.NaN, at + NULL.length);
    if (isName(bytes, at, TRUE, 0)) return this.#take(column, BOOLEAN, at, at + TRUE.length, 1, at + TRUE.length);
    if (isName(bytes, at, FALSE, 0)) return this.#take(column, BOOLEAN, at, at + FALSE.length, 0, at + FALSE.length);
    return -1;
  }

  /** A number of few digits without an exponent; what else may be one is -1. */
  #number(bytes: Uint8Array, at: number, end: number, column: number): number {
    const negative = bytes[at] === MINUS;
    const from = negative ? at + 1 : at;
    let next = from;
    let mantissa = 0;
    let point = -1;
    for (; next < end; next++) {
      const byte = bytes[next] as number;
      if (byte >= PLUS_ZERO && byte <= NINE) mantissa = 10 * mantissa + (byte - PLUS_ZERO);
      else if (byte === POINT && point < 0 && next > from) point = next;
      else break;
    }
    const byte = bytes[next] as number;
    const digits = next - from - (point < 0 ? 0 : 1);
    // An exponent, or no digit after the point; zeros before other digits; minus zero, whose text has no minus.
    if ((byte | 0x20) === 0x65 || byte === POINT || point === next - 1) return -1;
    if (digits === 0 || digits > MAX_DIGITS || (negative && mantissa === 0)) return -1;
    if (bytes[from] === PLUS_ZERO && (point < 0 ? digits > 1 : point > from + 1)) return -1;
    const size = point < 0 ? mantissa : mantissa / 10 ** (next - point - 1);
    const kind = point < 0 ? WHOLE : DECIMAL;
    return this.#take(column, kind, at, next, negative ? -size : size, next);
  }

  #take(column: number, kind: number, start: number, end: number, number: number, next: number): number {
    this.kinds[column] = kind;
    this.starts[column] = start;
    this.ends[column] = end;
    this.numbers[column] = number;
    return next;
  }
}

const NULL = new TextEncoder().encode("null");
const TRUE = new TextEncoder().encode("true");
const FALSE = new TextEncoder().encode("false");

/** Whether the bytes from `at` on are a name, and then `after`; 0: whatever follows. */
function isName(bytes: Uint8Array, at: number, name: Uint8Array, after = QUOTE): boolean {
  const { length } = name;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== name[i]) return false;
  return after === 0 || bytes[at + length] === after;
}

/** The position of the quote that ends a plain ASCII text; -1 where there is another character before it. */
function endOfText(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte < 0x20 || byte > 0x7e) return -1;
  }
  return -1;
}

export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}
