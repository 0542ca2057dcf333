// The plan by which records are encoded from their JSON, as the host writes it (runtime/encoder-plan.ts), and the
// buffers for that.
import {
  MEMBER_BYTES,
  PLAN_COLUMN_BYTES,
  PLAN_COLUMN_SIDE,
  PLAN_FIELD_BYTES,
  PLAN_NAME,
  PLAN_NAME_BYTES,
  TEXT_BYTES,
} from "../../runtime/abi";
import { alignUp, ensureMemory } from "../memory";
import { fields } from "./model";

/** Columns of the plan; 0 while there is none. */
export let columnCount: u32 = 0;
/** Where the plan is. */
export let plan: usize = 0;
/** The JSON that is encoded, TEXT_BYTES and SPARE_BYTES. */
export let text: usize = 0;
/** The members of the record that is encoded, one for each column. */
export let members: usize = 0;

/** How many values of each field no row is of, since the host last set them to 0: F u32. */
export let unseen: usize = 0;

/** Bytes behind the text that are read with its end. */
export const SPARE_BYTES: u32 = 16;

/** By hash of a name: the number of its column plus 1, u16; 0: none. At most a quarter of them is taken. */
let slots: usize = 0;
const SLOTS: u32 = 1024;
/** By place in a record: the number of the column that the last record had there, plus 1, u16; 0: none. */
let expected: usize = 0;

/** Lays out the buffers from `start` on and grows the memory for them; false if it cannot. */
export function layOutPlan(start: u64, columns: u32, planBytes: u32): bool {
  const membersAt = alignUp(start + planBytes + SPARE_BYTES);
  const textAt = alignUp(membersAt + <u64>columns * MEMBER_BYTES);
  const slotsAt = alignUp(textAt + TEXT_BYTES + SPARE_BYTES);
  const expectedAt = slotsAt + 2 * SLOTS;
  const unseenAt = alignUp(expectedAt + 2 * columns);
  if (!ensureMemory(unseenAt + 4 * fields)) return false;
  plan = <usize>start;
  members = <usize>membersAt;
  text = <usize>textAt;
  slots = <usize>slotsAt;
  expected = <usize>expectedAt;
  unseen = <usize>unseenAt;
  columnCount = columns;
  return true;
}

/** Makes room for another model's plan. */
export function forgetPlan(): void {
  columnCount = 0;
}

/** Makes the plan ready that the host has written. */
export function readPlan(): void {
  memory.fill(slots, 0, 2 * SLOTS);
  memory.fill(expected, 0, 2 * columnCount);
  for (let column: u32 = 0; column < columnCount; column++) {
    const name = nameOf(column);
    if (!isPlain(name, name + nameBytes(column))) continue;
    let slot = slotOf(name, name + nameBytes(column));
    while (load<u16>(slots + 2 * slot) !== 0) slot = (slot + 1) % SLOTS;
    store<u16>(slots + 2 * slot, <u16>(column + 1));
  }
}

/**
 * The column that the name is of whose first letter is at `at`, and which the next quote ends. `member`: its place in
 * the record; most records have their members in one order. -1 where it is no column's, or the quote is not before
 * `end`.
 */
export function columnAt(at: usize, end: usize, member: u32): i32 {
  if (member < columnCount) {
    const before: u32 = load<u16>(expected + 2 * member);
    if (before !== 0 && isName(at, before - 1)) return before - 1;
  }
  let close = at;
  for (; load<u8>(close) !== QUOTE; close++) if (close >= end) return -1;
  for (let slot = slotOf(at, close); ; slot = (slot + 1) % SLOTS) {
    const column: u32 = load<u16>(slots + 2 * slot);
    if (column === 0) return -1;
    if (!isName(at, column - 1)) continue;
    if (member < columnCount) store<u16>(expected + 2 * member, <u16>column);
    return column - 1;
  }
}

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

/** Whether the text at `at` is a column's name, and then a quote. */
function isName(at: usize, column: u32): bool {
  const name = nameOf(column);
  const bytes = nameBytes(column);
  let i: u32 = 0;
  for (; i + 8 <= bytes; i += 8) if (load<u64>(at + i) !== load<u64>(name + i)) return false;
  const left = bytes - i;
  if (left > 0 && (load<u64>(at + i) ^ load<u64>(name + i)) << (8 * (8 - left)) !== 0) return false;
  return load<u8>(at + bytes) === QUOTE;
}

/** Whether JSON has a name as it is, without escapes. One with a quote is never found. */
function isPlain(at: usize, end: usize): bool {
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) return false;
  }
  return true;
}

/** FNV-1a (Fowler, Noll, Vo) of a name. */
function slotOf(at: usize, end: usize): u32 {
  let hash: u32 = 0x811c9dc5;
  for (; at < end; at++) hash = (hash ^ load<u8>(at)) * 0x01000193;
  return (hash ^ (hash >>> 16)) % SLOTS;
}

function columnEntry(column: u32): usize {
  assert(column < columnCount);
  return plan + column * PLAN_COLUMN_BYTES;
}

function nameOf(column: u32): usize {
  return plan + load<u32>(columnEntry(column), PLAN_NAME);
}

export function nameBytes(column: u32): u32 {
  return load<u32>(columnEntry(column), PLAN_NAME_BYTES);
}

export function columnSide(column: u32): u32 {
  return load<u32>(columnEntry(column), PLAN_COLUMN_SIDE);
}

/** Where a field's entry in the plan is. */
export function fieldEntry(field: u32): usize {
  return plan + columnCount * PLAN_COLUMN_BYTES + field * PLAN_FIELD_BYTES;
}

/** The member that is a column's value. */
export function memberOf(column: u32): usize {
  return members + column * MEMBER_BYTES;
}
