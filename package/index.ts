// deepfm-edge: the version of the software and the types that its other entries share. Importing it costs nothing.
//
//   deepfm-edge/format    what files hold: feature specs, model blobs, row pages, the pointer
//   deepfm-edge/runtime   the scoring kernel and its host, in Node, browsers and Workers
//   deepfm-edge/worker    the HTTP application

/** The version of this package, as package.json states it. */
export const VERSION = "0.1.0";

export type { FittedField, FittedSpec } from "../format/fitted-spec.ts";
export type { GoldenRecords } from "../format/golden.ts";
export type { ModelPointer } from "../format/pointer.ts";
export type { RawValue } from "../format/raw-value.ts";
export type { BlobManifest } from "../format/read-blob.ts";
export type { FeatureField, FeatureSpec, ModelType } from "../format/spec.ts";
export type { Scores } from "../runtime/scores.ts";
export type { KernelVariant } from "../runtime/variant.ts";
