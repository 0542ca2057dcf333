import * as c from "../../format/constants.ts";
import { checksum } from "../../format/hash.ts";
import { padTo } from "../../format/layer.ts";

// Makes blobs that are wrong in one place and right in all others, so that a test reaches the check that it names.

export function entryOf(id: number): number {
  return c.BLOB_HEADER_BYTES + (id - 1) * c.SECTION_ENTRY_BYTES;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The bytes of section `id`, not a copy. */
export function sectionOf(blob: Uint8Array, id: number): Uint8Array {
  const view = viewOf(blob);
  const offset = view.getUint32(entryOf(id) + 4, true);
  return blob.subarray(offset, offset + view.getUint32(entryOf(id) + 8, true));
}

/** All sections of a blob in the order of their ids, not copies. */
export function sectionsOf(blob: Uint8Array): Uint8Array[] {
  const length = viewOf(blob).getUint32(c.BLOB_HEADER_SECTION_COUNT, true);
  return Array.from({ length }, (_, i) => sectionOf(blob, i + 1));
}

/** A copy with `edit` applied to its raw bytes. No checksum is put right. */
export function edited(blob: Uint8Array, edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const copy = blob.slice();
  edit(viewOf(copy), copy);
  return copy;
}

/** A copy with `edit` applied to its header and table. The table's checksum is put right. */
export function withTable(blob: Uint8Array, edit: (view: DataView) => void): Uint8Array {
  return edited(blob, (view, bytes) => {
    edit(view);
    putTableRight(bytes);
  });
}

/** Puts the table's checksum right, in place. */
function putTableRight(blob: Uint8Array): void {
  const tableEnd = entryOf(viewOf(blob).getUint32(c.BLOB_HEADER_SECTION_COUNT, true) + 1);
  const sum = checksum(blob.subarray(c.BLOB_HEADER_BYTES, tableEnd), 0);
  viewOf(blob).setUint32(c.BLOB_HEADER_TABLE_CHECKSUM, sum.lo, true);
  viewOf(blob).setUint32(c.BLOB_HEADER_TABLE_CHECKSUM + 4, sum.hi, true);
}

/** A copy whose section `id` is `section`, of any size. Offsets, length and checksums are put right. */
export function withSection(blob: Uint8Array, id: number, section: Uint8Array): Uint8Array {
  return withSections(blob, sectionsOf(blob).with(id - 1, section));
}

/**
 * A blob with the header of `blob` and with `sections`, in the order of their ids. Their number, offsets, length and
 * checksums are right.
 */
export function withSections(blob: Uint8Array, sections: readonly Uint8Array[]): Uint8Array {
  const tableEnd = entryOf(sections.length + 1);
  let total = padTo(tableEnd, c.SECTION_ALIGNMENT);
  for (const { length } of sections) total = padTo(total + length, c.SECTION_ALIGNMENT);

  const bytes = new Uint8Array(total);
  bytes.set(blob.subarray(0, tableEnd));
  const view = viewOf(bytes);
  view.setUint32(c.BLOB_HEADER_LENGTH, total, true);
  view.setUint32(c.BLOB_HEADER_SECTION_COUNT, sections.length, true);
  let offset = padTo(tableEnd, c.SECTION_ALIGNMENT);
  sections.forEach((part, i) => {
    bytes.set(part, offset);
    const sum = checksum(part, i + 1);
    view.setUint32(entryOf(i + 1) + c.SECTION_ENTRY_OFFSET, offset, true);
    view.setUint32(entryOf(i + 1) + c.SECTION_ENTRY_SIZE, part.length, true);
    view.setUint32(entryOf(i + 1) + c.SECTION_ENTRY_CHECKSUM, sum.lo, true);
    view.setUint32(entryOf(i + 1) + c.SECTION_ENTRY_CHECKSUM + 4, sum.hi, true);
    offset = padTo(offset + part.length, c.SECTION_ALIGNMENT);
  });
  putTableRight(bytes);
  return bytes;
}

/**
 * A copy in a format before the present one. The specs of 4 and 5 have no hash key, and their blobs no filter. Its row
 * keys are as they were.
 */
export function inOldFormat(blob: Uint8Array, format: number): Uint8Array {
  if (format >= c.KEYED_BLOB_VERSION) return withVersion(blob.slice(), format);
  const spec = JSON.parse(new TextDecoder().decode(sectionOf(blob, c.SECTION_SPEC)));
  delete spec.spec.hashKey;
  const sections = sectionsOf(blob).slice(0, c.OLD_SECTION_COUNT);
  const old = withSections(blob, sections.with(c.SECTION_SPEC - 1, new TextEncoder().encode(JSON.stringify(spec))));
  return withVersion(old, format);
}

/** Writes the version of the format into a blob. */
function withVersion(blob: Uint8Array, format: number): Uint8Array {
  viewOf(blob).setUint32(c.BLOB_HEADER_VERSION, format, true);
  return blob;
}

/** A copy with `edit` applied to section `id`. Its checksum is put right. */
export function inSection(blob: Uint8Array, id: number, edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  return withSection(blob, id, edited(sectionOf(blob, id), edit));
}
