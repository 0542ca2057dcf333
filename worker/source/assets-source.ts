import { checkSource } from "../settings/checks.ts";
import type { PageContent, Source } from "./source.ts";

/** What is used of a binding of static assets. */
export interface AssetsFetcher {
  fetch(url: string): Promise<Response>;
}

/** A binding of assets takes any host. */
const ORIGIN = "https://assets.local";

/**
 * A folder of static assets that come with the Worker, where `deepfm-edge publish --folder` put models; `path`: where
 * in the folder they are, such as `/models`.
 */
export function assetsSource(assets: AssetsFetcher, path = ""): Source {
  checkSource(assets, "fetch", "static assets");
  const read = async (key: string): Promise<Response | null> => {
    const response = await assets.fetch(`${ORIGIN}${path}/${key}`);
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 404) return null;
    throw new Error(`static assets: got ${response.status} for ${path}/${key}, expected 200 or 404`);
  };
  return {
    async stream(key) {
      return (await read(key))?.body ?? null;
    },
    async pages(keys) {
      const page = async (key: string): Promise<[string, PageContent | null]> => {
        const response = await read(key);
        return [key, response && new Uint8Array(await response.arrayBuffer())];
      };
      return new Map(await Promise.all(keys.map(page)));
    },
  };
}
