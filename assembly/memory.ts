// Linear memory. The scoring kernel's is [static data][blob][buffers]: blob and buffers are aligned to
// SECTION_ALIGNMENT bytes, so that what lies in the blob keeps the alignment that the format gives it.
import { SECTION_ALIGNMENT } from "../format/constants";

const PAGE_BYTES = 65536;
/** 4 GiB, all that 32-bit addresses reach. */
const MAX_MEMORY_PAGES: u64 = 65536;

/** n rounded up to the next multiple of SECTION_ALIGNMENT. */
export function alignUp(n: u64): u64 {
  return (n + SECTION_ALIGNMENT - 1) & ~(<u64>SECTION_ALIGNMENT - 1);
}

/** The first aligned address after the compiler's static data; never 0. */
export function blobAddress(): usize {
  return <usize>alignUp(__heap_base);
}

/** Grows the memory so that [0, end) exists; false if it cannot. */
export function ensureMemory(end: u64): bool {
  const pages = (end + PAGE_BYTES - 1) / PAGE_BYTES;
  const present = <u64>memory.size();
  return pages <= present || (pages <= MAX_MEMORY_PAGES && memory.grow(<i32>(pages - present)) >= 0);
}

/** Whether [address, address + bytes) exists; for assertions. */
export function isMemory(address: usize, bytes: u64): bool {
  return address !== 0 && <u64>address + bytes <= <u64>memory.size() * PAGE_BYTES;
}
