import { PAGE_SLICE_BYTES } from "../limits.ts";

/**
 * Divides work on pages that takes long while an isolate is young: after each slice, what else waits in the isolate has
 * its turn, such as requests whose time for rows is over.
 */
export class WorkSlices {
  #bytes = 0;

  /** To be awaited after work on so many bytes of a page. */
  async after(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes >= PAGE_SLICE_BYTES) await this.next();
  }

  /** Ends a slice. */
  async next(): Promise<void> {
    this.#bytes = 0;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
}
