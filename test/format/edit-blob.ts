import * as c from "../../format/constants.ts";
import { padTo } from "../../format/dense.ts";
import { checksum } from "../../format/hash.ts";

// Blobs that are wrong in one place and right in all others, so that a test reaches the check that it names.

const TABLE_END = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;

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

/** A copy with `edit` applied to the raw bytes; no checksum is put right. */
export function edited(blob: Uint8Array, edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const copy = blob.slice();
  edit(viewOf(copy), copy);
  return copy;
}

/** A copy with `edit` applied to header and table; the table's checksum is put right. */
export function withTable(blob: Uint8Array, edit: (view: DataView) => void): Uint8Array {
  return edited(blob, (view, bytes) => {
    edit(view);
    const sum = checksum(bytes.subarray(c.BLOB_HEADER_BYTES, TABLE_END), 0);
    view.setUint32(c.BLOB_HEADER_TABLE_CHECKSUM, sum.lo, true);
    view.setUint32(c.BLOB_HEADER_TABLE_CHECKSUM + 4, sum.hi, true);
  });
}

/** A copy whose section `id` is `section`, of whatever size; offsets, length and checksums are put right. */
export function withSection(blob: Uint8Array, id: number, section: Uint8Array): Uint8Array {
  const sections: Uint8Array[] = [];
  for (let i = 1; i <= c.SECTION_COUNT; i++) sections.push(i === id ? section : sectionOf(blob, i));
  let total = padTo(TABLE_END, c.SECTION_ALIGNMENT);
  for (const { length } of sections) total = padTo(total + length, c.SECTION_ALIGNMENT);

  const bytes = new Uint8Array(total);
  bytes.set(blob.subarray(0, TABLE_END));
  let offset = padTo(TABLE_END, c.SECTION_ALIGNMENT);
  return withTable(bytes, (view) => {
    view.setUint32(c.BLOB_HEADER_LENGTH, total, true);
    sections.forEach((part, i) => {
      new Uint8Array(view.buffer).set(part, offset);
      const sum = checksum(part, i + 1);
      view.setUint32(entryOf(i + 1) + 4, offset, true);
      view.setUint32(entryOf(i + 1) + 8, part.length, true);
      view.setUint32(entryOf(i + 1) + 16, sum.lo, true);
      view.setUint32(entryOf(i + 1) + 20, sum.hi, true);
      offset = padTo(offset + part.length, c.SECTION_ALIGNMENT);
    });
  });
}

/** A copy with `edit` applied to section `id`; its checksum is put right. */
export function inSection(blob: Uint8Array, id: number, edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  return withSection(blob, id, edited(sectionOf(blob, id), edit));
}
