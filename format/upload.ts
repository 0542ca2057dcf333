import * as v from "valibot";
import { parseJson, parseWith } from "./parse.ts";
import { manifestData, manifestEntries, manifestOf, type PublishedManifest } from "./published-manifest.ts";
import { uploadedKey, uploadKey } from "./store.ts";
import { TimeSchema } from "./time.ts";

// What a store holds of an upload until it has ended. Whoever removes pages keeps those that an upload names, since the
// uploader counts on finding them; and whoever takes the upload up again sends nothing a second time.

const UploadSchema = v.strictObject({ time: TimeSchema, ...manifestEntries });

/** An upload. `time`: when its publisher began, or began again, in milliseconds since the epoch. */
export interface Upload extends PublishedManifest {
  time: number;
}

/** The text of an upload. */
export function writeUpload({ time, ...manifest }: Upload): string {
  return JSON.stringify(parseWith(UploadSchema, { time, ...manifestData(manifest) }, "upload"));
}

/** Reads the text of the upload of `version`. Throws FormatError that names its key where it is none, or damaged. */
export function readUpload(text: string, version: string): Upload {
  const key = uploadKey(version);
  const { time, ...manifest } = parseWith(UploadSchema, parseJson(text, key), key);
  return { time, ...manifestOf(manifest, key) };
}

const UploadedSchema = v.strictObject({ time: TimeSchema, values: v.pipe(v.number(), v.integer(), v.minValue(0)) });

/**
 * How far an upload is: so many of its values are stored, of its pages in their order and then the parts of its blob.
 * `time`: when the last of them was written.
 */
export type Uploaded = v.InferOutput<typeof UploadedSchema>;

/** The text of how far an upload is. */
export function writeUploaded(uploaded: Uploaded): string {
  return JSON.stringify(parseWith(UploadedSchema, uploaded, "uploaded"));
}

/** Reads how far the upload of `version` is. Throws FormatError that names its key where the text is none. */
export function readUploaded(text: string, version: string): Uploaded {
  const key = uploadedKey(version);
  return parseWith(UploadedSchema, parseJson(text, key), key);
}
