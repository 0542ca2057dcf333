// The members of a record's JSON, as far as they are simple: ASCII texts without escapes, decimal numbers, true, false
// and null. Most records have no others. What is not simple is left to the host, whose JSON.parse knows all of JSON.
import {
  ANY_SIDE,
  MEMBER_ABSENT,
  MEMBER_BOOLEAN,
  MEMBER_DECIMAL,
  MEMBER_END,
  MEMBER_NUMBER,
  MEMBER_START,
  MEMBER_TEXT,
  MEMBER_WHOLE,
} from "../../runtime/abi";
import { columnAt, columnCount, columnSide, memberOf, nameBytes } from "./encoder-plan";

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const MINUS: u8 = 0x2d;
const POINT: u8 = 0x2e;
const ZERO: u8 = 0x30;
const NINE: u8 = 0x39;
const COLON: u8 = 0x3a;
const BACKSLASH: u8 = 0x5c;
const OPEN_OBJECT: u8 = 0x7b;
const CLOSE_OBJECT: u8 = 0x7d;

/** The bytes of "null", "true" and "fals", little-endian. */
const NULL: u32 = 0x6c6c756e;
const TRUE: u32 = 0x65757274;
const FALS: u32 = 0x736c6166;
const E: u8 = 0x65;

/**
 * Digits of a number that is read here. With so few, a number without its point is a whole float64, and so is the
 * power of ten that it is divided by, so that the quotient is the float64 that is nearest to the number (Clinger, "How
 * to Read Floating Point Numbers Accurately", 1990).
 */
const MAX_DIGITS: u32 = 15;
/** 10ⁿ for n ≤ MAX_DIGITS. */
const POWERS = memory.data<f64>(
  [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15],
  8,
);

/**
 * Reads the members of the object at `at`, which ends before `end`, where a byte that is no JSON stands. Returns the
 * position after it; 0 where it is not simple, a member is no column's or of another side than `side`, or it is not
 * JSON.
 */
export function readMembers(at: usize, end: usize, side: u32): usize {
  for (let column: u32 = 0; column < columnCount; column++) store<u32>(memberOf(column), MEMBER_ABSENT);
  if (load<u8>(at) !== OPEN_OBJECT) return 0;
  let next = skipSpace(at + 1);
  if (load<u8>(next) === CLOSE_OBJECT) return next + 1;
  let member: u32 = 0;
  while (true) {
    if (load<u8>(next) !== QUOTE) return 0;
    const column = columnAt(next + 1, end, member++);
    if (column < 0 || (side !== ANY_SIDE && columnSide(column) !== side)) return 0;
    next = skipSpace(next + nameBytes(column) + 2);
    if (load<u8>(next) !== COLON) return 0;
    next = readValue(skipSpace(next + 1), end, memberOf(column));
    if (next === 0) return 0;
    next = skipSpace(next);
    const after = load<u8>(next);
    if (after === CLOSE_OBJECT) return next + 1;
    if (after !== COMMA) return 0;
    next = skipSpace(next + 1);
  }
}

export function skipSpace(at: usize): usize {
  while (isSpace(load<u8>(at))) at++;
  return at;
}

function isSpace(byte: u8): bool {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Reads the value at `at`. Returns the position after it, or 0. */
function readValue(at: usize, end: usize, member: usize): usize {
  const first = load<u8>(at);
  if (first === QUOTE) {
    const close = endOfText(at + 1, end);
    if (close === 0) return 0;
    take(member, MEMBER_TEXT, at + 1, close, NaN);
    return close + 1;
  }
  if (first === MINUS || (first >= ZERO && first <= NINE)) return readNumber(at, member);
  const word = load<u32>(at);
  if (word === NULL) take(member, MEMBER_TEXT, at, at, NaN);
  else if (word === TRUE) take(member, MEMBER_BOOLEAN, at, at + 4, 1);
  else if (word === FALS && load<u8>(at, 4) === E) {
    take(member, MEMBER_BOOLEAN, at, at + 5, 0);
    return at + 5;
  } else return 0;
  return at + 4;
}

/** A number of few digits without an exponent; what else may be one is 0. */
function readNumber(at: usize, member: usize): usize {
  const negative = load<u8>(at) === MINUS;
  const from = at + usize(negative);
  let next = from;
  let mantissa: u64 = 0;
  let point: usize = 0;
  for (; ; next++) {
    const byte = load<u8>(next);
    if (byte >= ZERO && byte <= NINE) mantissa = 10 * mantissa + (byte - ZERO);
    else if (byte === POINT && point === 0 && next > from) point = next;
    else break;
  }
  const byte = load<u8>(next);
  const digits = <u32>(next - from) - u32(point !== 0);
  // An exponent, or no digit after the point; zeros before other digits; minus zero, whose text has no minus.
  if ((byte | 0x20) === E || byte === POINT || (point !== 0 && point === next - 1)) return 0;
  if (digits === 0 || digits > MAX_DIGITS || (negative && mantissa === 0)) return 0;
  if (load<u8>(from) === ZERO && (point === 0 ? digits > 1 : point > from + 1)) return 0;
  const size = point === 0 ? <f64>mantissa : <f64>mantissa / load<f64>(POWERS + 8 * (next - point - 1));
  take(member, point === 0 ? MEMBER_WHOLE : MEMBER_DECIMAL, at, next, negative ? -size : size);
  return next;
}

function take(member: usize, kind: u32, start: usize, end: usize, number: f64): void {
  store<u32>(member, kind);
  store<u32>(member, <u32>start, MEMBER_START);
  store<u32>(member, <u32>end, MEMBER_END);
  store<f64>(member, number, MEMBER_NUMBER);
}

/** The position of the quote that ends a plain ASCII text; 0 where there is another character before it. */
function endOfText(at: usize, end: usize): usize {
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte < 0x20 || byte > 0x7e) return 0;
  }
  return 0;
}
