// What deepfm-edge/runtime has everywhere: all but the way in which a kernel is loaded.
//
//   const scorer = new Scorer(placeBlob(await loadKernel(), blob));
//   checkGolden(scorer);
//   const located = scorer.locate(scorer.encode(records));
//   const { scores } = scorer.score(located, pages); // pages: those of located.pages that are at hand, or none

/** Thrown where a blob is refused, and where a record breaks the model's contract. */
export { FormatError } from "../format/errors.ts";
export { ItemPage, openItemPage } from "../format/item-page.ts";
export { openPage, Page } from "../format/page.ts";
export type { RawValue } from "../format/raw-value.ts";
export type { BlobManifest } from "../format/read-blob.ts";
export type { EncodingLimits, Listed } from "../runtime/encoding-limits.ts";
/**
 * `checkGolden` scores the records that a blob brings, and throws where the kernel's logits are not those of the
 * export.
 */
export { checkGolden, goldenLogits } from "../runtime/golden.ts";
/** `placeBlob` copies a blob into a kernel; `reserveBlob` only makes room, for a blob that is read piece by piece. */
export { type PlacedBlob, placeBlob, reserveBlob, statedLength } from "../runtime/placed-blob.ts";
export type { LocatedRecords } from "../runtime/row-locator.ts";
export { type LocatedItems, Scorer } from "../runtime/scorer.ts";
export type { Scores } from "../runtime/scores.ts";
export { bestKernelVariant, type KernelVariant } from "../runtime/variant.ts";
