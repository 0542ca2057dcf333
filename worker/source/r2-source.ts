import { MAX_PAGE_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES } from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { packedPagesKey } from "../../format/store.ts";
import { MAX_PACKS_REMEMBERED } from "../limits.ts";
import { checkSource } from "../settings/checks.ts";
import { contentsOf, type Source } from "./source.ts";

/** What is used of an R2 bucket. */
export interface R2Reader {
  head(key: string): Promise<{ size: number } | null>;
  get(
    key: string,
    options?: { range: { offset: number; length: number } },
  ): Promise<{ body: ReadableStream; arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

/**
 * A bucket of R2, where the files are that `deepfm-edge publish --folder DIR --packed` made. All pages of a version are
 * one object, in places of equal size; of each page that is wanted, one range is read.
 */
export function r2Source(bucket: R2Reader): Source {
  checkSource(bucket, "head", "an R2 bucket");
  /** By version: the bytes of a page's place. */
  const places = new Map<string, number>();

  /** The bytes of a page's place. Throws FormatError where the version has no pages in the bucket, or others. */
  async function placeBytes(version: string, pageCount: number, again: boolean): Promise<number> {
    const known = again ? undefined : places.get(version);
    if (known !== undefined) return known;
    const key = packedPagesKey(version);
    const object = await bucket.head(key);
    if (object === null) throw new FormatError(key, "missing; `publish --packed` writes it");
    const bytes = object.size / pageCount;
    if (!Number.isInteger(bytes) || bytes < PAGE_HEADER_BYTES || bytes > MAX_PAGE_BYTES)
      throw new FormatError(
        key,
        `got ${object.size} bytes, expected ${pageCount} pages of one length, ${PAGE_HEADER_BYTES} to ${MAX_PAGE_BYTES}`,
      );
    if (places.size >= MAX_PACKS_REMEMBERED) places.clear();
    places.set(version, bytes);
    return bytes;
  }

  return {
    byVersion: true,
    async stream(key) {
      return (await bucket.get(key))?.body ?? null;
    },
    async pages(keys, again, { version, pageCount, numbers }) {
      let length: number;
      try {
        length = await placeBytes(version, pageCount, again);
      } catch (error) {
        // What is wrong with the object is so with each of its pages, and is not looked at again at once.
        if (error instanceof FormatError) return new Map(keys.map((key) => [key, error]));
        throw error;
      }
      return contentsOf(keys, async (_key, i) => {
        const offset = (numbers[i] as number) * length;
        try {
          const object = await bucket.get(packedPagesKey(version), { range: { offset, length } });
          return object && withoutPadding(await object.arrayBuffer());
        } catch (error) {
          // The object may be another now, with places of another size: a range behind its end is refused.
          places.delete(version);
          throw error;
        }
      });
    },
  };
}

/** The page at the beginning of its place, as long as it says it is. What is no page is found out by its digest. */
function withoutPadding(place: ArrayBuffer): Uint8Array {
  if (place.byteLength < PAGE_HEADER_BYTES) return new Uint8Array(place);
  const length = new DataView(place).getUint32(PAGE_BYTES, true);
  return new Uint8Array(place, 0, Math.min(length, place.byteLength));
}
