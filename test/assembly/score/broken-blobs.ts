// Blobs that break one rule each, with the code that the kernel refuses them with. All checksums are right unless the
// rule is about them. Only `readManifest` checks the contents of SPEC, and F against it: the kernel reads no JSON.
import { BROKEN_CONTAINERS } from "./broken/container.ts";
import type { BrokenBlob } from "./broken/edits.ts";
import { BROKEN_ITEMS } from "./broken/items.ts";
import { BROKEN_LAYERS } from "./broken/layers.ts";
import { BROKEN_MODELS } from "./broken/model.ts";
import { BROKEN_ROWS } from "./broken/rows.ts";

export const BROKEN_BLOBS: readonly BrokenBlob[] = [
  ...BROKEN_CONTAINERS,
  ...BROKEN_MODELS,
  ...BROKEN_ROWS,
  ...BROKEN_LAYERS,
  ...BROKEN_ITEMS,
];
