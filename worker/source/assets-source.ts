import { checkSource } from "../settings/checks.ts";
import { contentsOf, type Source } from "./source.ts";

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
  const read = (key: string): Promise<Response | null> => readAsset(assets, `${path}/${key}`);
  return {
    async stream(key) {
      return (await read(key))?.body ?? null;
    },
    pages: (keys) =>
      contentsOf(keys, async (key) => {
        const response = await read(key);
        return response && new Uint8Array(await response.arrayBuffer());
      }),
  };
}

/** The asset with a path; null where there is none. */
export async function readAsset(assets: AssetsFetcher, path: string): Promise<Response | null> {
  const names = path.split("/").filter((name) => name !== "");
  const url = [ORIGIN, ...names].join("/");
  const response = await assets.fetch(url);
  // A site of one page answers with that page, and with 200, in place of what is not there. No asset of ours is one.
  const isPage = response.headers.get("content-type")?.startsWith("text/html");
  if (response.ok && !isPage) return response;
  await response.body?.cancel();
  if (response.ok || response.status === 404) return null;
  throw new Error(`static assets: got ${response.status} for ${url.slice(ORIGIN.length)}, expected 200 or 404`);
}
