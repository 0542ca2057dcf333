import { readFileSync } from "node:fs";
import { PAGE_DIGEST_BYTES } from "../../format/constants.ts";
import { pageDigest } from "../../format/page.ts";
import { readBlob } from "../../format/read-blob.ts";
import { sealBlob } from "../../format/seal.ts";
import { writeBlob } from "../../format/write-blob.ts";

/** A model that can be published: its blob names its pages, whose bytes need not be pages. */
export interface PagedModel {
  model: string;
  version: string;
  blob: Uint8Array;
  pages: { digest: Uint8Array; read(): Promise<Uint8Array> }[];
}

const tiny = readBlob(new Uint8Array(readFileSync(new URL("../../test/golden/tiny.blob.bin", import.meta.url))));

/**
 * The golden model tiny with pages of these digests, 16 bytes each; `note` makes the version. `padding`: bytes that
 * make the blob longer.
 */
export async function blobWithPages(
  pageDigests: Uint8Array,
  note: string,
  padding = 0,
): Promise<{ model: string; version: string; blob: Uint8Array }> {
  const evidence = { note, ...(padding > 0 && { padding: "x".repeat(padding) }) };
  const blob = writeBlob({ ...tiny, pageDigests, evidence });
  return { model: tiny.spec.name, version: await sealBlob(blob), blob };
}

/** A model whose pages have these bytes. */
export async function pagedModel(note: string, contents: readonly Uint8Array[], padding = 0): Promise<PagedModel> {
  const pages = await Promise.all(
    contents.map(async (bytes) => ({ digest: await pageDigest(bytes), read: async () => bytes })),
  );
  const digests = new Uint8Array(pages.length * PAGE_DIGEST_BYTES);
  for (const [i, { digest }] of pages.entries()) digests.set(digest, i * PAGE_DIGEST_BYTES);
  return { ...(await blobWithPages(digests, note, padding)), pages };
}

/** The bytes of so many pages, those from `first` on. */
export function pageContents(count: number, first = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new TextEncoder().encode(`page ${first + i}`));
}
