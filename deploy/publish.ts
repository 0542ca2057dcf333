import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { parseJson, parseWith } from "../format/parse.ts";
import { blobKey, pageKey, pointerKey, writePointer } from "../format/store.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { wrangler } from "./wrangler.ts";

/**
 * The account's KV namespace, or the local one of `wrangler dev`, in the folder `persistTo` or else beside the
 * configuration. `config`: wrangler's configuration that binds the namespace as MODELS; this project's if it is absent.
 */
export type PublishTarget = { config?: string } & ({ remote: true } | { remote: false; persistTo?: string });

/** What `wrangler kv key list` prints. */
const KeyListSchema = v.array(v.object({ name: v.string() }));

const BINDING = ["--binding", "MODELS"];

/**
 * Publishes a model: uploads its blob and those of its pages that are not there yet, and then, when all of them are
 * stored, writes the pointer. A publication that fails on the way leaves the model before it serving. Returns how many
 * blobs and pages were uploaded, and how many were there already. Throws UserError where wrangler fails.
 */
export async function publish(
  { model, version, blob, pages }: ExportedModel,
  target: PublishTarget,
): Promise<{ uploaded: number; present: number }> {
  const where = target.remote
    ? ["--remote"]
    : ["--local", ...(target.persistTo ? ["--persist-to", target.persistTo] : [])];
  using task = startTask("publish", null, "keys");

  const list = await wrangler(["kv", "key", "list", ...BINDING, ...where], target.config);
  const listed = parseWith(KeyListSchema, parseJson(list, "wrangler kv key list"), "wrangler kv key list");
  const present = new Set(listed.map(({ name }) => name));
  const pairs = [
    ...pages.map(({ digest, bytes }) => ({ key: pageKey(digest), value: Buffer.from(bytes).toString("base64") })),
    { key: blobKey(version), value: Buffer.from(blob).toString("base64"), base64: true },
  ];
  const missing = pairs.filter(({ key }) => !present.has(key));
  if (missing.length > 0) await put(missing, where, target.config);
  await put([{ key: pointerKey(), value: writePointer({ model, version }) }], where, target.config);

  task.advance(missing.length + 1);
  task.done(`${pairs.length - missing.length} already there`);
  return { uploaded: missing.length, present: pairs.length - missing.length };
}

async function put(
  pairs: readonly { key: string; value: string; base64?: boolean }[],
  where: readonly string[],
  config: string | undefined,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-"));
  try {
    const file = join(folder, "pairs.json");
    writeFileSync(file, JSON.stringify(pairs));
    await wrangler(["kv", "bulk", "put", file, ...BINDING, ...where], config);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
