import * as v from "valibot";
import { fromBase64, toBase64 } from "./base64.ts";
import { MAX_BLOB_BYTES, MAX_PAGES, PAGE_DIGEST_BYTES, SECTION_PAGES } from "./constants.ts";
import { FormatError } from "./errors.ts";
import { modelName } from "./field-schemas.ts";
import { checksum, type Hash64 } from "./hash.ts";
import { parseJson, parseWith } from "./parse.ts";
import { manifestKey, VersionSchema } from "./store.ts";

// What a store holds of a published version, without reading its blob. It is JSON with the pages' digests in base64:
// 21.3 characters a page, so that the most pages that a model may have stay below the 25 MiB of a KV value.

/** The members of a manifest. */
export const manifestEntries = {
  model: modelName,
  bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_BLOB_BYTES)),
  base: v.exactOptional(VersionSchema),
  pages: v.pipe(v.string(), v.maxLength(4 * Math.ceil((MAX_PAGES * PAGE_DIGEST_BYTES) / 3))),
  checksum: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, "expected 16 lower-case hex digits")),
};

const ManifestSchema = v.strictObject(manifestEntries);

/** What belongs to a version. `model`: the name that it was published under. */
export interface PublishedManifest {
  model: string;
  /** Of its blob. */
  bytes: number;
  /** The version that the store has its blob as a patch of, and must keep for it; null: it has the blob as it is. */
  base: string | null;
  /** The digests of its pages in their order, 16 bytes each. */
  pageDigests: Uint8Array;
}

/** The text of a manifest. */
export function writePublishedManifest(manifest: PublishedManifest): string {
  return JSON.stringify(parseWith(ManifestSchema, manifestData(manifest), "manifest"));
}

/**
 * Reads the text of the manifest of `version`, which is under `key`. Throws FormatError that names the key where it is
 * none, or damaged.
 */
export function readPublishedManifest(text: string, version: string, key = manifestKey(version)): PublishedManifest {
  return manifestOf(parseWith(ManifestSchema, parseJson(text, key), key), key);
}

/** A manifest's members. */
export function manifestData({ model, bytes, base, pageDigests }: PublishedManifest): ManifestData {
  const pages = { pages: toBase64(pageDigests), checksum: sumOf(pageDigests) };
  return { model, bytes, ...(base !== null && { base }), ...pages };
}

/** A manifest's members, as its JSON has them. */
type ManifestData = v.InferOutput<typeof ManifestSchema>;

/** The manifest that members are of. Throws FormatError that names `key` where its pages are damaged. */
export function manifestOf(
  { model, bytes, base, pages, checksum: expected }: ManifestData,
  key: string,
): PublishedManifest {
  let pageDigests: Uint8Array;
  try {
    pageDigests = fromBase64(pages);
  } catch (error) {
    throw new FormatError(`${key}: pages`, `not base64: ${(error as Error).message}`);
  }
  if (pageDigests.length % PAGE_DIGEST_BYTES !== 0)
    throw new FormatError(
      `${key}: pages`,
      `got ${pageDigests.length} bytes, expected a multiple of ${PAGE_DIGEST_BYTES}`,
    );
  const got = sumOf(pageDigests);
  if (got !== expected) throw new FormatError(`${key}: pages`, `got the checksum ${got}, expected ${expected}`);
  return { model, bytes, base: base ?? null, pageDigests };
}

/** The checksum, in hex, that the blob has of its section PAGES, whose bytes these are. */
function sumOf(pageDigests: Uint8Array): string {
  const { hi, lo }: Hash64 = checksum(pageDigests, SECTION_PAGES);
  return [hi, lo].map((word) => word.toString(16).padStart(8, "0")).join("");
}
