// From the JSON of records to their entries, as format/record.ts encodes the objects that JSON.parse makes of them. It
// takes only what is simple (json-members.ts); all else is for the host.
import {
  ANY_SIDE,
  FIELD_OF_BUCKET,
  FIELD_OF_HOST,
  MEMBER_ABSENT,
  MEMBER_DECIMAL,
  MEMBER_END,
  MEMBER_START,
  MEMBER_TEXT,
  PLAN_BUCKETS,
  PLAN_FIELD_COLUMN,
  PLAN_FIELD_KIND,
  PLAN_FIELD_SIDE,
  PLAN_HAS_MISSING,
  PLAN_HASH_KEY,
  PLAN_MISSING_KEY,
} from "../../runtime/abi";
import { keysBuffer, offsets } from "./buffers";
import { chaskey } from "./chaskey";
import { fieldEntry, memberOf, SPARE_BYTES, text } from "./encoder-plan";
import { readMembers, skipSpace } from "./json-members";
import { fields } from "./model";
import { murmur128 } from "./murmur";

const COMMA: u8 = 0x2c;
const ZERO: u8 = 0x30;

/** How many records were encoded last. */
export let encodedRecords: u32 = 0;
/** Where the last record ends that was encoded, in the text. */
export let recordsEnd: u32 = 0;
/** Where the next one begins; 0 where no comma follows. */
export let nextRecord: u32 = 0;

/** Whether texts are hashed with Chaskey; else with MurmurHash3, as in models from before format 6 of the blob. */
let isKeyed: bool = false;

export function hashWithKeys(keyed: bool): void {
  isKeyed = keyed;
}

/**
 * Encodes the objects from `start` on, with commas between them, of a text of so many bytes, as long as they are simple
 * and no more than `records`. Writes keys and offsets. Returns how many they are.
 */
export function encodeRecords(start: u32, bytes: u32, records: u32, side: u32): u32 {
  const end = text + bytes;
  memory.fill(end, 0, SPARE_BYTES);
  store<u32>(offsets, 0);
  encodedRecords = 0;
  let at: usize = text + start;
  nextRecord = 0;
  while (encodedRecords < records) {
    const next = readMembers(at, end, side);
    if (next === 0 || !addEntries(encodedRecords, side)) break;
    encodedRecords++;
    recordsEnd = <u32>(next - text);
    at = skipSpace(next);
    nextRecord = 0;
    if (load<u8>(at) !== COMMA) break;
    at = skipSpace(at + 1);
    nextRecord = <u32>(at - text);
  }
  return encodedRecords;
}

/** Adds the entries of the record whose members were read. Returns false where a value is not simple for its field. */
function addEntries(record: u32, side: u32): bool {
  const cells = offsets + 4 * record * fields;
  let entry = load<u32>(cells);
  for (let f: u32 = 0; f < fields; f++) {
    const field = fieldEntry(f);
    const kind = load<u32>(field, PLAN_FIELD_KIND);
    if (kind !== FIELD_OF_HOST && (side === ANY_SIDE || load<u32>(field, PLAN_FIELD_SIDE) === side)) {
      const member = memberOf(load<u32>(field, PLAN_FIELD_COLUMN));
      const was = load<u32>(member);
      const start = <usize>load<u32>(member, MEMBER_START);
      const end = <usize>load<u32>(member, MEMBER_END);
      if (was === MEMBER_ABSENT || (was === MEMBER_TEXT && start === end)) {
        if (load<u32>(field, PLAN_HAS_MISSING))
          store<u64>(keysBuffer + 8 * entry++, load<u64>(field, PLAN_MISSING_KEY));
      } else if (was === MEMBER_DECIMAL) return false;
      else {
        let key = hashOf(start, end, field);
        if (kind === FIELD_OF_BUCKET) key = hashOfNumber(<u32>key % load<u32>(field, PLAN_BUCKETS), field);
        store<u64>(keysBuffer + 8 * entry++, key);
      }
    }
    store<u32>(cells + 4 * f, entry, 4);
  }
  return true;
}

function hashOf(start: usize, end: usize, field: usize): u64 {
  const key = field + PLAN_HASH_KEY;
  return isKeyed ? chaskey(start, end, key) : murmur128(start, <u32>(end - start), load<u32>(key));
}

/** Room for the digits of a number, and for what is read behind them. */
const DIGITS = memory.data(32, 8);
const DIGITS_END = DIGITS + 16;

/** The hash of a number's decimal text. */
function hashOfNumber(number: u32, field: usize): u64 {
  let at = DIGITS_END;
  do {
    store<u8>(--at, ZERO + <u8>(number % 10));
    number /= 10;
  } while (number !== 0);
  return hashOf(at, DIGITS_END, field);
}
