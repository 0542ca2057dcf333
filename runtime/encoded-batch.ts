import * as abi from "./abi.ts";
import type { KernelExports } from "./kernel-exports.ts";

/** The records that a kernel has encoded from their JSON last, where they are: in the kernel's buffers. */
export class EncodedBatch {
  /** F. */
  readonly fields: number;
  /** n·F + 1 positions of entries. */
  readonly offsets: Uint32Array;
  /** The row keys of the entries, pairs of words (low, high). */
  readonly keys: Uint32Array;
  /** The addresses of their rows, once they are located; 0 where a page may have the row. */
  readonly addresses: Uint32Array;
  /** [F]: how many values were never seen, of all records that were located since this was last set to 0. */
  readonly unseen: Uint32Array;
  readonly #kernel: KernelExports;

  /** `kernel`: one with a plan, whose memory grows no more. */
  constructor(kernel: KernelExports, fields: number) {
    const { buffer } = kernel.memory;
    this.#kernel = kernel;
    this.fields = fields;
    this.offsets = new Uint32Array(buffer, kernel.offsetsAddress(), abi.MAX_BATCH * fields + 1);
    this.keys = new Uint32Array(buffer, kernel.keysAddress(), 2 * abi.MAX_ENTRIES);
    this.addresses = new Uint32Array(buffer, kernel.rowAddresses(), abi.MAX_ENTRIES);
    this.unseen = new Uint32Array(buffer, kernel.unseenAddress(), fields);
  }

  /** Finds their rows, as RowLocator does. Returns how many addresses are 0. */
  locate(): number {
    return this.#kernel.locateEncoded();
  }

  /** How many of the entries have their row in the blob. */
  get inBlob(): number {
    return this.#kernel.locatedInBlob();
  }
}
