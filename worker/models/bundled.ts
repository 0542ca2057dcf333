import { readAsset } from "../source/assets-source.ts";

/**
 * Opens the blob of the model that was deployed with the Worker; null where there is none. It is asked once for what an
 * isolate has no other model for.
 */
export type BundledBlob = () => Promise<ReadableStream | null>;

/** Where `deepfm-edge bundle` writes the blob, in the folder of the Worker's static assets. */
export const BUNDLED_PATH = "bundled/model.blob";

/** A binding of static assets, as far as it is used here. */
export interface AssetFetcher {
  fetch(url: string): Promise<Response>;
}

/** The bundled model among a Worker's static assets, which cost nothing to read. */
export function assetBlob(assets: AssetFetcher, path = BUNDLED_PATH): BundledBlob {
  return async () => (await readAsset(assets, path))?.body ?? null;
}
