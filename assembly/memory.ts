// Linear memory: [static data][blob][buffers]. Blob and buffers begin on SECTION_ALIGNMENT-byte lines; what lies inside
// the blob keeps the alignment that the format gives it.
import { SECTION_ALIGNMENT } from "../format/constants";

const PAGE_BYTES = 65536;

/** n rounded up to the next multiple of SECTION_ALIGNMENT. */
export function alignUp(n: u64): u64 {
  return (n + SECTION_ALIGNMENT - 1) & ~(<u64>SECTION_ALIGNMENT - 1);
}

/** The first address after the compiler's static data, aligned. Never 0. */
export function blobAddress(): usize {
  return <usize>alignUp(__heap_base);
}

/** Grows the memory so that [0, end) exists; false where it cannot be had. */
export function ensureMemory(end: u64): bool {
  const pages = (end + PAGE_BYTES - 1) / PAGE_BYTES;
  const present = <u64>memory.size();
  return pages <= present || (pages <= 65536 && memory.grow(<i32>(pages - present)) >= 0);
}

/** Whether [address, address + bytes) exists. For asserts. */
export function isMemory(address: usize, bytes: u64): bool {
  return address !== 0 && <u64>address + bytes <= <u64>memory.size() * PAGE_BYTES;
}
