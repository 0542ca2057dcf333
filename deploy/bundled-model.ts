import { dirname, join } from "node:path";
import { UserError } from "../trainer/errors.ts";
import { writeWhole } from "../trainer/io/files.ts";
import { readWranglerConfig } from "./wrangler-config.ts";

/** Below the folder of the Worker's static assets: where worker/models/bundled.ts looks for the blob. */
const BUNDLED_PATH = join("bundled", "model.blob");

/** Bytes of the largest static asset that Workers takes: https://developers.cloudflare.com/workers/platform/limits. */
const MOST_ASSET_BYTES = 25 * 2 ** 20;

/** A Worker's configuration, or one of its environments. */
export interface BundleTarget {
  config: string;
  environment?: string | undefined;
}

/**
 * Writes a blob where the next deployment of a Worker takes it along. Returns the file. Throws UserError where the
 * Worker has no static assets bound as ASSETS, or would let anyone download them, and where the blob is too long for
 * one.
 */
export async function bundleModel(blob: Uint8Array, { config, environment }: BundleTarget): Promise<string> {
  const { assets } = await readWranglerConfig(config, environment);
  const table = environment === undefined ? "[assets]" : `[env.${environment}.assets]`;
  const expected = `expected a table ${table} with directory = "assets", binding = "ASSETS", run_worker_first = true`;
  if (assets?.directory === undefined) throw new UserError(`${config}: got no static assets, ${expected}`);
  if (assets.binding !== "ASSETS")
    throw new UserError(`${config}: got the binding ${assets.binding ?? "none"} of static assets, ${expected}`);
  if (assets.run_worker_first !== true)
    throw new UserError(
      `${config}: got static assets that are served before the Worker runs, so that anyone could download the model, ` +
        expected,
    );
  const file = join(dirname(config), assets.directory, BUNDLED_PATH);
  if (blob.length > MOST_ASSET_BYTES)
    throw new UserError(
      `${file}: got a blob of ${blob.length} bytes, expected at most ${MOST_ASSET_BYTES}, which the largest static ` +
        "asset has: `publish` takes it, or export it with smaller `rows.blobBytes` or `rows.itemBytes`",
    );
  writeWhole(file, blob);
  return file;
}
