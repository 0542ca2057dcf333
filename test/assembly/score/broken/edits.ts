// Edits of a section's bytes, for blobs that break a rule.
import * as c from "../../../../format/constants.ts";
import { inSection, sectionOf, viewOf } from "../../../../testing/format/edit-blob.ts";
import { GOOD_BLOB } from "../good-blobs.ts";

export interface BrokenBlob {
  name: string;
  /** The LOAD_* code that the kernel refuses it with. */
  code: number;
  blob: Uint8Array;
}

// Where the entries of the first layers are in MODEL.
export const LAYER_0 = c.MODEL_HEAD_BYTES;
export const LAYER_1 = c.MODEL_HEAD_BYTES + c.LAYER_ENTRY_BYTES;
export const LAYER_2 = c.MODEL_HEAD_BYTES + 2 * c.LAYER_ENTRY_BYTES;

export type Edit = (view: DataView, bytes: Uint8Array) => void;

/** Sets the u32 at `offset` to `value`. */
export function u32(offset: number, value: number): Edit {
  return (view) => view.setUint32(offset, value, true);
}

/** Sets the byte at `offset` to `value`. */
export function u8(offset: number, value: number): Edit {
  return (view) => view.setUint8(offset, value);
}

/** Sets the f32 at `offset` to `value`. */
export function f32(offset: number, value: number): Edit {
  return (view) => view.setFloat32(offset, value, true);
}

/** Adds `step` to the u32 at `offset`. */
export function add(offset: number, step: number): Edit {
  return (view) => view.setUint32(offset, view.getUint32(offset, true) + step, true);
}

/** Makes several edits of one section. */
export function all(...edits: Edit[]): Edit {
  return (view, bytes) => {
    for (const edit of edits) edit(view, bytes);
  };
}

/** A blob for each named edit: `good` with one section edited. The kernel refuses all of them with `code`. */
export function broken(code: number, section: number, edits: Record<string, Edit>, good = GOOD_BLOB): BrokenBlob[] {
  return Object.entries(edits).map(([name, edit]) => ({ name, code, blob: inSection(good, section, edit) }));
}

/** The place in DENSE that MODEL of `good` states at `offset`. */
export function placeOf(offset: number, good = GOOD_BLOB): number {
  return viewOf(sectionOf(good, c.SECTION_MODEL)).getUint32(offset, true);
}
