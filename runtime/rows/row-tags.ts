import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { checksum } from "../../format/hash.ts";
import type { PageLayout } from "../../format/page.ts";

/** What tells the rows of a model's pages, and its items, from those of others. */
export interface TagLayout extends PageLayout {
  /** The digests of all pages of the model, those of items last. */
  pageDigests: Uint8Array;
  /** What items' records are checked against; absent where there are no item pages. */
  rowCount?: number;
  sides?: Uint8Array;
}

/**
 * What tells the rows of a model's pages from those of others with the same keys. A cached row is named by the 64 bits
 * of its row key, exclusive-or 64 bits of its page's digest and of all that the page is checked against. So versions
 * never mix, and models with equal pages share their rows. Two rows are taken for one as rarely as two values are for
 * one by their row keys.
 */
export class RowTags {
  readonly #digests: DataView;
  readonly #layout: number;
  readonly #pageCount: number;
  readonly #counted: number;
  /** Of the rows and sides that the records of items refer to. */
  readonly #items: number;

  constructor({ pageDigests, rowType, embeddingDim, pageCount, rowCount = 0, sides }: TagLayout) {
    this.#digests = new DataView(pageDigests.buffer, pageDigests.byteOffset, pageDigests.byteLength);
    // Odd factors spread the small numbers over the words.
    this.#layout = Math.imul(1024 * rowType + embeddingDim, 0x9e3779b1);
    this.#pageCount = pageCount;
    this.#counted = Math.imul(pageCount, 0xc2b2ae35);
    this.#items = checksum(sides ?? new Uint8Array(0), rowCount).lo;
  }

  /** The low word of the name of a row with this low word of its key. */
  lo(keyLo: number, page: number): number {
    return (keyLo ^ this.#digests.getUint32(page * PAGE_DIGEST_BYTES, true) ^ this.#layout) >>> 0;
  }

  /** The high word of the name of a row with this high word of its key. */
  hi(keyHi: number, page: number): number {
    const digest = this.#digests.getUint32(page * PAGE_DIGEST_BYTES + 4, true);
    const items = page < this.#pageCount ? 0 : this.#items;
    return (keyHi ^ digest ^ Math.imul(page, 0x85ebca6b) ^ this.#counted ^ items) >>> 0;
  }
}
