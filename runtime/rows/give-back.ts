/** Arrays of fewer bytes are left to the engine, which is quicker. */
const LARGE_BYTES = 64 * 1024;

/**
 * Gives the memory of large arrays back at once. V8 lets some 64 MB of arrays that nothing refers to any more pile up
 * before it collects them, and no budget knows of those. The arrays are empty afterwards.
 */
export function giveBack(...arrays: readonly (Uint32Array | Int32Array | Float32Array)[]): void {
  for (const { buffer } of arrays)
    if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE_BYTES) buffer.transfer(0);
}
