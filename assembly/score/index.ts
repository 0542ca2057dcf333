// The scoring kernel: bytes in linear memory in, scores out. It has no runtime, no imports, and allocates nothing
// after `load`. An instance holds one model, and dropping the instance frees it. The host (runtime/kernel.ts) calls
// `reserve`, copies the blob to the address that this returns, calls `load`, and then fills the buffers and calls
// `lookup` and `score` as often as it likes.
//
// `load` trusts nothing that the blob states before it is checked, nor does `score` trust an offset or an address:
// whatever the bytes are, no call traps or reads outside its buffers. A score can be NaN only where finite numbers
// are so large that they overflow: FORMAT.md, "Meaning of a score". The fuzzer (scripts/fuzz.ts) tests all this with
// random damage.
import { MAX_BLOB_BYTES, TERM_MLP } from "../../format/constants";
import {
  CALL_BAD_COUNT,
  CALL_NO_ITEMS,
  CALL_NOT_LOADED,
  CALL_OK,
  LOAD_NO_MEMORY,
  LOAD_OK,
  MAX_BATCH,
  MAX_ENTRIES,
  TEXT_BYTES,
} from "../../runtime/abi";
import { blobAddress, ensureMemory } from "../memory";
import {
  addresses,
  arena,
  buffersEnd,
  itemRecord,
  keysBuffer,
  layOutBuffers,
  logits,
  offsets,
  scores,
  values,
} from "./buffers";
import { checkLayers } from "./check-layers";
import { encodedRecords, encodeRecords, hashWithKeys, nextRecord, recordsEnd } from "./encode-json";
import { columnCount, forgetPlan, layOutPlan, members, plan, readPlan, text, unseen } from "./encoder-plan";
import { orderFields } from "./field-runs";
import { findItemInputs } from "./item-inputs";
import { checkItems, findItem, itemCount, itemStride } from "./items";
import { inBlob, locateRecords } from "./locate";
import { checkModel, terms } from "./model";
import { forgetContext, makeItemRecord, scoreCatalogue, scoreWithContext, takeContext } from "./rank";
import { checkRows, findRow, rowStride, rows } from "./rows";
import { checkBatch, scoreBatch } from "./score";
import { checkSections } from "./sections";

/** Bytes that `reserve` has made room for. */
let reserved: u32 = 0;
/** Whether there is a checked blob in memory. */
let loaded = false;

/**
 * Makes room for a blob and returns the address for the host to copy it to; 0 if it is too long or there is no
 * memory.
 */
export function reserve(blobBytes: u32): usize {
  loaded = false;
  reserved = 0;
  if (blobBytes > <u32>MAX_BLOB_BYTES) return 0;
  if (!ensureMemory(<u64>blobAddress() + blobBytes)) return 0;
  reserved = blobBytes;
  return blobAddress();
}

/**
 * Checks the blob that was copied in and lays out the buffers. Returns a LOAD_* code. No later call grows the memory.
 */
function loadBlob(blobBytes: u32): i32 {
  loaded = false;
  forgetPlan();
  if (blobBytes > reserved) return LOAD_NO_MEMORY;
  let code = checkSections(blobAddress(), blobBytes);
  if (code === LOAD_OK) code = checkModel();
  if (code === LOAD_OK) code = checkRows();
  if (code === LOAD_OK) code = checkLayers();
  if (code === LOAD_OK) code = checkItems();
  if (code === LOAD_OK && !layOutBuffers(<u64>blobAddress() + blobBytes)) code = LOAD_NO_MEMORY;
  loaded = code === LOAD_OK;
  if (loaded) {
    orderFields();
    if (terms & TERM_MLP) findItemInputs();
    forgetContext();
  }
  return code;
}

export { loadBlob as load };

/**
 * Makes room for a plan of so many columns and bytes, and for the JSON that is encoded by it. Returns the address for
 * the host to write the plan to; 0 without memory for it. The host calls it after `load`, before it makes views of the
 * memory.
 */
export function reservePlan(columns: u32, planBytes: u32): usize {
  return loaded && layOutPlan(buffersEnd, columns, planBytes) ? plan : 0;
}

/** Makes the plan ready that was written. `keyed`: whether its fields have keys of Chaskey, or seeds. */
export function usePlan(keyed: bool): void {
  readPlan();
  hashWithKeys(keyed);
}

/**
 * Encodes records of the JSON text of so many bytes, from `start` on, as long as they are simple and no more than
 * `records`. Writes their keys and their offsets, without entries for fields of the host. `side`: only its fields get
 * entries, and only they may be there. Returns how many records they are.
 */
export function encodeJson(start: u32, bytes: u32, records: u32, side: u32): u32 {
  if (columnCount === 0 || bytes > <u32>TEXT_BYTES || start > bytes || records > <u32>MAX_BATCH) return 0;
  return encodeRecords(start, bytes, records, side);
}

/** Where the last record of `encodeJson` ends in the text. */
export function encodedEnd(): u32 {
  return recordsEnd;
}

/** Where the record after it begins; 0 where no comma follows. */
export function encodedNext(): u32 {
  return nextRecord;
}

/**
 * Finds the rows of the records that `encodeJson` has made, none of which has a field of the host: writes rowAddresses,
 * 0 where a page may have the row, and values. Returns how many addresses are 0.
 */
export function locateEncoded(): u32 {
  return columnCount === 0 ? 0 : locateRecords(encodedRecords);
}

/** Of how many entries `locateEncoded` found the row in the blob. */
export function locatedInBlob(): u32 {
  return inBlob;
}

/** F counts of values that no row is of, to which `locateEncoded` adds, and which the host sets to 0. */
export function unseenAddress(): usize {
  return unseen;
}

/** TEXT_BYTES of JSON, which the host fills. */
export function textAddress(): usize {
  return text;
}

/** The members of the record that was encoded last, MEMBER_BYTES for each column. */
export function membersAddress(): usize {
  return members;
}

/**
 * Looks up the first n keys of the keys buffer: rowAddresses[i] = the address of key i's row, or 0. Returns a CALL_*
 * code.
 */
export function lookup(n: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (n > <u32>MAX_ENTRIES) return CALL_BAD_COUNT;
  for (let i: u32 = 0; i < n; i++) store<u32>(addresses + 4 * i, findRow(load<u64>(keysBuffer + 8 * i)));
  return CALL_OK;
}

/** Scores a batch of records: offsets, rowAddresses and values in, logits and scores out. Returns a CALL_* code. */
export function score(records: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  const code = checkBatch(records);
  if (code === CALL_OK) scoreBatch(records);
  return code;
}

/**
 * Takes the context of the candidates to come from record 0 of a batch, whose entries of the item's fields are
 * ignored. Returns a CALL_* code.
 */
export function scoreContext(): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  const code = checkBatch(1);
  if (code === CALL_OK) takeContext();
  return code;
}

/**
 * Scores a batch of candidates with the context of the last `scoreContext`, as `score` would score whole records.
 * Their own entries of the context's fields are ignored. Returns a CALL_* code.
 */
export function scoreCandidates(records: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  const code = checkBatch(records);
  return code === CALL_OK ? scoreWithContext(records) : code;
}

/**
 * Looks up the first n keys of the keys buffer in the catalogue: rowAddresses[i] = the item's number, or
 * u32.MAX_VALUE. Returns a CALL_* code.
 */
export function lookupItems(n: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (n > <u32>MAX_ENTRIES) return CALL_BAD_COUNT;
  for (let i: u32 = 0; i < n; i++) {
    const item = findItem(load<u64>(keysBuffer + 8 * i));
    store<u32>(addresses + 4 * i, item < itemCount ? item : u32.MAX_VALUE);
  }
  return CALL_OK;
}

/**
 * Scores n items, whose numbers are in rowAddresses, with the context of the last `scoreContext`. Returns a CALL_*
 * code; CALL_NO_ITEMS where the catalogue's items are entries.
 */
export function scoreItems(n: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (n > <u32>MAX_BATCH) return CALL_BAD_COUNT;
  return itemCount > 0 && itemStride === 0 ? CALL_NO_ITEMS : scoreCatalogue(n);
}

/**
 * Makes the record that section ITEMS has for an item, from record 0 of a batch, whose entries of the context's
 * fields are ignored. The context of the last `scoreContext` is lost. Returns a CALL_* code.
 */
export function precomputeItem(): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (itemStride === 0) return CALL_NO_ITEMS;
  const code = checkBatch(1);
  if (code === CALL_OK) makeItemRecord();
  return code;
}

/** Where `precomputeItem` writes the item's record. */
export function itemRecordAddress(): usize {
  return itemRecord;
}

/** Bytes of a record of an item's sums; 0 if the model has products or a catalogue of entries. */
export function itemBytes(): u32 {
  return itemStride;
}

/** MAX_ENTRIES row keys, u64. */
export function keysAddress(): usize {
  return keysBuffer;
}

/** MAX_ENTRIES addresses of rows in the blob or the arena, u32. */
export function rowAddresses(): usize {
  return addresses;
}

/** MAX_ENTRIES values, f32. */
export function valuesAddress(): usize {
  return values;
}

/** MAX_BATCH · F + 1 entry numbers, u32: record b's entries of field f are [offsets[b·F + f], offsets[b·F + f + 1]). */
export function offsetsAddress(): usize {
  return offsets;
}

/** ARENA_ROWS rows, which the host may fill from pages. */
export function arenaAddress(): usize {
  return arena;
}

/** MAX_BATCH logits, f32. */
export function logitsAddress(): usize {
  return logits;
}

/** MAX_BATCH probabilities, f32. */
export function scoresAddress(): usize {
  return scores;
}

/** The rows of the blob. Field f's OOV row is at rowsAddress + f · rowBytes. */
export function rowsAddress(): usize {
  return rows;
}

/** Bytes of one row. */
export function rowBytes(): u32 {
  return rowStride;
}
