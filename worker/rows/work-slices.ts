import { PAGE_SLICE_BYTES, SLICED_PAGE_BYTES } from "../limits.ts";

/**
 * Divides one kind of work on pages, which takes long while an isolate is young and its code not compiled: after each
 * slice, what else waits in the isolate has its turn, such as requests whose time for rows is over. A turn takes a
 * millisecond, so that later, when the work is quick, there are none.
 */
export class WorkSlices {
  #total = 0;
  #inSlice = 0;

  /** To be awaited after work on so many bytes of a page. */
  async after(bytes: number): Promise<void> {
    if (this.#total >= SLICED_PAGE_BYTES) return;
    this.#total += bytes;
    this.#inSlice += bytes;
    if (this.#inSlice >= PAGE_SLICE_BYTES) await this.next();
  }

  /** Ends a slice. */
  async next(): Promise<void> {
    this.#inSlice = 0;
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
}
