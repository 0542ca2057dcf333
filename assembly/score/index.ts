// The scoring kernel: bytes in linear memory in, scores out. No runtime, no imports, no allocation after `load`, one
// model per instance; dropping the instance frees it. The host (format/kernel.ts) calls `reserve`, copies the blob to
// the address it returns, calls `load`, and then fills the buffers and calls `lookup` and `score` as often as it likes.
//
// `load` believes nothing that the blob states, and `score` no offset and no address, before it is checked: whatever the
// bytes are, no call reads outside its buffers or traps. Only finite numbers so large that they overflow can still make a
// score NaN: FORMAT.md, "Meaning of a score". test/fuzz holds all this against random damage.
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
} from "../../runtime/abi";
import { blobAddress, ensureMemory } from "../memory";
import { addresses, arena, itemRecord, keysBuffer, layOutBuffers, logits, offsets, scores, values } from "./buffers";
import { orderFields } from "./field-runs";
import { findItemInputs } from "./item-inputs";
import { checkItems, findItem, itemCount, itemStride } from "./items";
import { checkLayers } from "./layers";
import { checkModel, terms } from "./model";
import { forgetContext, scoreCatalogue, scoreWithContext, shareOfItem, takeContext } from "./rank";
import { checkRows, findRow, rowStride, rows } from "./rows";
import { checkBatch, scoreBatch } from "./score";
import { checkSections } from "./sections";

let reserved: u32 = 0;
let loaded = false;

/** Makes room for a blob and returns where the host shall copy it; 0 if it is too long or there is no memory. */
export function reserve(blobBytes: u32): usize {
  loaded = false;
  reserved = 0;
  if (blobBytes > <u32>MAX_BLOB_BYTES) return 0;
  if (!ensureMemory(<u64>blobAddress() + blobBytes)) return 0;
  reserved = blobBytes;
  return blobAddress();
}

/** Checks the blob that was copied in and lays the buffers out. Returns a LOAD_* code. The memory grows only here. */
function loadBlob(blobBytes: u32): i32 {
  loaded = false;
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

/** Looks the first n keys of the keys buffer up: rowAddresses[i] = the address of key i's row, or 0. A CALL_* code. */
export function lookup(n: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (n > <u32>MAX_ENTRIES) return CALL_BAD_COUNT;
  for (let i: u32 = 0; i < n; i++) store<u32>(addresses + 4 * i, findRow(load<u64>(keysBuffer + 8 * i)));
  return CALL_OK;
}

/** Scores n records: offsets, rowAddresses and values in, logits and scores out. Returns a CALL_* code. */
export function score(records: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  const code = checkBatch(records);
  if (code === CALL_OK) scoreBatch(records);
  return code;
}

/** Takes the context that the next candidates share from record 0; its entries of the item's fields are not looked at. */
export function scoreContext(): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  const code = checkBatch(1);
  if (code === CALL_OK) takeContext();
  return code;
}

/**
 * Scores n candidates with the context of the last `scoreContext`, as `score` would score whole records; their own entries
 * of the context's fields are not looked at. Returns a CALL_* code.
 */
export function scoreCandidates(records: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  const code = checkBatch(records);
  return code === CALL_OK ? scoreWithContext(records) : code;
}

/** Looks the first n keys of the keys buffer up in the catalogue: rowAddresses[i] = the item's number, or u32.MAX_VALUE. A CALL_* code. */
export function lookupItems(n: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (n > <u32>MAX_ENTRIES) return CALL_BAD_COUNT;
  for (let i: u32 = 0; i < n; i++) {
    const item = findItem(load<u64>(keysBuffer + 8 * i));
    store<u32>(addresses + 4 * i, item < itemCount ? item : u32.MAX_VALUE);
  }
  return CALL_OK;
}

/** Scores the n items whose numbers are in rowAddresses with the context of the last `scoreContext`. Returns a CALL_* code. */
export function scoreItems(n: u32): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  return n > <u32>MAX_BATCH ? CALL_BAD_COUNT : scoreCatalogue(n);
}

/**
 * Makes the item's record that ITEMS would have of record 0, whose entries of the context's fields are not looked at; the
 * context of the last `scoreContext` is lost. Returns a CALL_* code.
 */
export function precomputeItem(): i32 {
  if (!loaded) return CALL_NOT_LOADED;
  if (itemStride === 0) return CALL_NO_ITEMS;
  const code = checkBatch(1);
  if (code === CALL_OK) shareOfItem();
  return code;
}

/** Where `precomputeItem` writes. */
export function itemRecordAddress(): usize {
  return itemRecord;
}

/** Bytes of an item's record; 0 where the model has products. */
export function itemBytes(): u32 {
  return itemStride;
}

/** MAX_ENTRIES row keys, u64. */
export function keysAddress(): usize {
  return keysBuffer;
}

/** MAX_ENTRIES addresses of rows, u32: those of the blob, or of the arena. */
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

/** ARENA_ROWS rows that the host may fill from pages. */
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

/** The blob's rows: field f's OOV row is at rowsAddress + f · rowBytes. */
export function rowsAddress(): usize {
  return rows;
}

/** Bytes of one row. */
export function rowBytes(): u32 {
  return rowStride;
}
