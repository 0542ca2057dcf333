import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { openLocalBindings } from "../../deploy/local-bindings.ts";
import { pullLogs } from "../../deploy/pull-logs.ts";
import { runHere } from "../cli/command-here.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-pull-logs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, "wrangler.toml");
const WORKER = 'name = "shop"\nmain = "index.js"\ncompatibility_date = "2026-10-20"\nkv_namespaces = []\n';
const BUCKET = '[[r2_buckets]]\nbinding = "EXPOSURE_LOGS"\nbucket_name = "logs"\n';
writeFileSync(join(folder, "index.js"), "export default {};\n");

const KEYS = ["exposures/2026-11-26/15/", "events/2026-11-27/00/"].map((hour) => `${hour}${"0f".repeat(16)}.ndjson.gz`);

interface Bucket {
  put(key: string, value: Uint8Array): Promise<unknown>;
}

test("logs of the local R2 are copied into a folder, each object once, and nothing else", async () => {
  writeFileSync(config, WORKER + BUCKET);
  {
    await using bindings = await openLocalBindings("local R2", config);
    const bucket = bindings.env.EXPOSURE_LOGS as Bucket;
    for (const key of [...KEYS, "../escaped.ndjson.gz", "notes.txt"])
      await bucket.put(key, gzipSync(`{"key":"${key}"}\n`));
  }
  const out = join(folder, "logs");
  mkdirSync(out);
  const said = await runHere(folder, ["logs", "pull", "--out", out, "--config", config]);
  expect(said.stdout).toMatch(/^2 files of \d+ bytes are new in .*logs; 0 were there\n$/);
  for (const key of KEYS) expect(gunzipSync(readFileSync(join(out, key))).toString()).toBe(`{"key":"${key}"}\n`);
  expect(existsSync(join(folder, "escaped.ndjson.gz"))).toBe(false);
  expect(existsSync(join(out, "notes.txt"))).toBe(false);
  expect(await pullLogs(out, { config })).toEqual({ copied: 0, present: 2, bytes: 0 });
});

test("a configuration without the bucket is refused", async () => {
  writeFileSync(config, WORKER);
  await expect(pullLogs(join(folder, "none"), { config })).rejects.toThrow(
    `${config}: got no r2_buckets with the binding EXPOSURE_LOGS, expected one`,
  );
});
