import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { WRANGLER_CONFIG } from "../../deploy/wrangler.ts";

/** What is used of a configuration, as wrangler reads it. */
interface Tables {
  queues: { producers?: { binding: string; queue: string }[]; consumers?: object[] };
  r2_buckets: { binding: string }[];
  ratelimits: { name: string }[];
}

test("the tables for exposures, which wrangler.toml has as comments, are those that the Worker reads", () => {
  const text = readFileSync(WRANGLER_CONFIG, "utf8");
  const [before, tables = ""] = text.split("# [[queues.producers]]");
  const [block = "", after] = tables.split("\n\n");
  const uncommented = `[[queues.producers]]${block}`.replaceAll(/^# ?(?=\[|\w+ =|$)/gm, "");
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-tables-"));
  try {
    const config = join(folder, "wrangler.toml");
    writeFileSync(config, [before, uncommented, "\n\n", after].join(""));
    const { queues, r2_buckets, ratelimits }: Tables = unstable_readConfig({ config }, { hideWarnings: true });
    expect(queues.producers?.map(({ binding, queue }) => [binding, queue])).toEqual([
      ["EXPOSURES", "deepfm-edge-exposures"],
    ]);
    expect(queues.consumers).toEqual([
      {
        queue: "deepfm-edge-exposures",
        max_batch_size: 50,
        max_batch_timeout: 30,
        max_retries: 20,
        dead_letter_queue: "deepfm-edge-exposures-dead",
      },
    ]);
    expect(r2_buckets.map(({ binding }) => binding)).toEqual(["EXPOSURE_LOGS"]);
    expect(ratelimits.map(({ name }) => name)).toContain("EVENT_RATE_LIMIT");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
