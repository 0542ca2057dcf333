import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blobKey, pageKey, pointerKey, writePointer } from "../format/store.ts";
import type { ExportedModel } from "../trainer/export/export.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { wrangler } from "./wrangler.ts";

/**
 * Where to publish: the account's KV namespace; or the local one of `wrangler dev`, in its default folder or in
 * another.
 */
export type Target = { remote: true } | { remote: false; persistTo?: string };

const BINDING = ["--binding", "MODELS"];

/**
 * Publishes a model: its blob and those of its pages that are not there yet, and then, once all of them are stored, the
 * pointer. A publication that fails on the way leaves the model before it serving.
 */
export async function publish(
  { model, version, blob, pages }: ExportedModel,
  target: Target,
): Promise<{ uploaded: number; present: number }> {
  const where = target.remote
    ? ["--remote"]
    : ["--local", ...(target.persistTo ? ["--persist-to", target.persistTo] : [])];
  const task = startTask("publish", null, "keys");

  const listed: { name: string }[] = JSON.parse(await wrangler(["kv", "key", "list", ...BINDING, ...where]));
  const present = new Set(listed.map(({ name }) => name));
  const pairs = [
    ...pages.map(({ digest, bytes }) => ({ key: pageKey(digest), value: Buffer.from(bytes).toString("base64") })),
    { key: blobKey(version), value: Buffer.from(blob).toString("base64"), base64: true },
  ];
  const missing = pairs.filter(({ key }) => !present.has(key));
  if (missing.length > 0) await put(missing, where);
  await put([{ key: pointerKey(), value: writePointer({ model, version }) }], where);

  task.advance(missing.length + 1);
  task.done(`${pairs.length - missing.length} already there`);
  return { uploaded: missing.length, present: pairs.length - missing.length };
}

async function put(
  pairs: readonly { key: string; value: string; base64?: boolean }[],
  where: readonly string[],
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-"));
  try {
    const file = join(folder, "pairs.json");
    writeFileSync(file, JSON.stringify(pairs));
    await wrangler(["kv", "bulk", "put", file, ...BINDING, ...where]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
