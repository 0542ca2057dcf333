import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as c from "../../format/constants.ts";
import { readBlob } from "../../format/read-blob.ts";
import { edited, inSection, sectionOf, withSection, withTable } from "../../testing/format/edit-blob.ts";

// Tests that the golden blob is refused when one thing of it is wrong, and for just that.

export const tiny = new Uint8Array(readFileSync(new URL("../golden/tiny.blob.bin", import.meta.url)));

export type Case = [name: string, blob: () => Uint8Array, message: string];

/** A named test for each case. The message must be exactly the one given. */
export function refuses(cases: Case[]): void {
  test.each(cases)("%s", (_name, blob, message) => {
    expect(() => readBlob(blob())).toThrow(expect.objectContaining({ name: "FormatError", message }));
  });
}

export const header = (at: number, value: number) => (): Uint8Array =>
  edited(tiny, (view) => view.setUint32(at, value, true));
export const table = (at: number, value: number) => (): Uint8Array =>
  withTable(tiny, (view) => view.setUint32(at, value, true));
export const u8 = (id: number, at: number, value: number) => (): Uint8Array =>
  inSection(tiny, id, (view) => view.setUint8(at, value));
export const u32 = (id: number, at: number, value: number) => (): Uint8Array =>
  inSection(tiny, id, (view) => view.setUint32(at, value, true));
export const f32 = (id: number, at: number, value: number) => (): Uint8Array =>
  inSection(tiny, id, (view) => view.setFloat32(at, value, true));
export const head = (at: number, value: number) => u32(c.SECTION_MODEL, at, value);
export const layer = (i: number, at: number, value: number) =>
  head(c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES + at, value);
export const resized = (id: number, bytes: number) => (): Uint8Array => {
  const section = new Uint8Array(bytes);
  section.set(sectionOf(tiny, id).subarray(0, bytes));
  return withSection(tiny, id, section);
};
export const specText = (text: string) => (): Uint8Array =>
  withSection(tiny, c.SECTION_SPEC, new TextEncoder().encode(text));
export const spec = (edit: (spec: { fields: Record<string, unknown>[] }) => void) => (): Uint8Array => {
  const parsed = JSON.parse(new TextDecoder().decode(sectionOf(tiny, c.SECTION_SPEC)));
  edit(parsed.spec);
  return specText(JSON.stringify(parsed))();
};
