// What a user's program may write, checked by the compiler against the installed package: every entry and its main
// types.
import { type FeatureSpec, VERSION } from "deepfm-edge";
import { type BlobManifest, FormatError, parseFeatureSpec, pointerKey, readManifest } from "deepfm-edge/format";
import { checkGolden, loadKernel, type Page, placeBlob, Scorer } from "deepfm-edge/runtime";
import { type AppOptions, createApp, type KVReader, kvSource } from "deepfm-edge/worker";
import { Hono } from "hono";

export const version: string = VERSION;
export const key: string = pointerKey("ads");

export function fieldNames(text: string): string[] {
  const spec: FeatureSpec = parseFeatureSpec(text, "spec.json");
  return spec.fields.map(({ name }) => name);
}

export function modelName(blob: Uint8Array): string {
  try {
    const manifest: BlobManifest = readManifest(blob);
    return manifest.spec.name;
  } catch (error) {
    if (error instanceof FormatError) return error.place;
    throw error;
  }
}

export async function score(blob: Uint8Array, records: object[]): Promise<Float32Array> {
  const scorer = new Scorer(placeBlob(await loadKernel(), blob));
  checkGolden(scorer);
  return scorer.score(scorer.locate(scorer.encode(records)), new Map<number, Page>()).scores;
}

interface Bindings {
  CTR_MODELS: KVReader;
}

const options: AppOptions<Bindings> = { source: ({ CTR_MODELS }) => kvSource(CTR_MODELS) };

export const app = new Hono<{ Bindings: Bindings }>().route("/ctr", createApp(options));

// @ts-expect-error A number is no source of models.
createApp({ source: 1 });
// @ts-expect-error Internal files cannot be reached.
export type Internal = typeof import("deepfm-edge/dist/runtime/kernel.js");
