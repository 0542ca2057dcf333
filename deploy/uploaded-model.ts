import { BLOB_PART_BYTES, PAGE_DIGEST_BYTES } from "../format/constants.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import type { WrittenPage } from "../trainer/export/rows.ts";
import type { StoredModel, StoredPage } from "../trainer/export/stored-model.ts";

/** A model that is to be uploaded. Its pages are in memory, or are read one by one. */
export type UploadedModel = StoredModel | ExportedModel;

/** A page as a store has it: base64, since a bulk read gives nothing but text. */
export async function pageText(page: WrittenPage | StoredPage): Promise<string> {
  return Buffer.from("bytes" in page ? page.bytes : await page.read()).toString("base64");
}

/** A part of a blob. */
export function blobPart(blob: Uint8Array, part: number): Uint8Array {
  return blob.subarray(part * BLOB_PART_BYTES, (part + 1) * BLOB_PART_BYTES);
}

/** The digests of a model's pages, 16 bytes each. */
export function pageDigestsOf({ pages }: UploadedModel): Uint8Array {
  const digests = new Uint8Array(pages.length * PAGE_DIGEST_BYTES);
  for (const [i, { digest }] of pages.entries()) digests.set(digest, i * PAGE_DIGEST_BYTES);
  return digests;
}
