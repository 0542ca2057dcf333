// Room that kernels overwrite: a block of B packed for a matrix product, sums over the parts of a command, and room
// for each thread alone.
import { EDGE_BYTES, PACKED_A_BYTES, PACKED_B_BYTES } from "../gemm/blocks";
import { MAX_PARTS } from "./command";

const OWN_BYTES: usize = PACKED_A_BYTES + EDGE_BYTES;

/** A block of B in panels, as gemm/pack.ts makes them. */
export let packedB: usize = 0;
/** Two lists of numbers for each part, `listBytes` each. */
export let lists: usize = 0;
export let listBytes: usize = 0;
/** A block of A in panels, or whatever a part needs. */
export let packedA: usize = 0;
/** A tile. */
export let edge: usize = 0;

/** How many bytes a team of threads needs. `widest`: the most numbers of a part's list. */
export function teamScratchBytes(threads: usize, widest: usize): usize {
  return PACKED_B_BYTES + 2 * MAX_PARTS * bytesOf(widest) + threads * OWN_BYTES;
}

/** Takes a team's scratch into use, in the instance of one of its threads. */
export function setScratch(address: usize, widest: usize, thread: usize): void {
  packedB = address;
  lists = packedB + PACKED_B_BYTES;
  listBytes = bytesOf(widest);
  packedA = lists + 2 * MAX_PARTS * listBytes + thread * OWN_BYTES;
  edge = packedA + PACKED_A_BYTES;
}

/** A part's list, the first or the second. */
export function listOf(part: usize, which: usize): usize {
  return lists + (2 * part + which) * listBytes;
}

/** In whole cache lines, which no two threads then share. */
function bytesOf(numbers: usize): usize {
  return (4 * numbers + 63) & ~63;
}
