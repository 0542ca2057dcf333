import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { publish } from "../../deploy/publish.ts";
import { wrangler } from "../../deploy/wrangler.ts";
import { verifyBlob } from "../../format/seal.ts";
import { readPointer } from "../../format/store.ts";

test("writes the namespace that another Worker's configuration binds, and only what is not there yet", async () => {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-publish-"));
  try {
    const config = join(folder, "wrangler.toml");
    writeFileSync(
      config,
      'name = "shop"\ncompatibility_date = "2026-10-20"\n[[kv_namespaces]]\nbinding = "MODELS"\nid = "shop"\n',
    );
    const blob = new Uint8Array(readFileSync(new URL("../golden/pnn.blob.bin", import.meta.url)));
    const exported = { model: "pnn", version: await verifyBlob(blob), blob, pages: [] };
    expect(await publish(exported, { remote: false, config })).toEqual({ uploaded: 1, present: 0 });
    expect(await publish(exported, { remote: false, config })).toEqual({ uploaded: 0, present: 1 });
    expect(existsSync(join(folder, ".wrangler", "state"))).toBe(true);
    const pointer = await wrangler(["kv", "key", "get", "model", "--binding", "MODELS", "--local", "--text"], config);
    expect(readPointer(pointer)).toEqual({ model: "pnn", version: exported.version });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
