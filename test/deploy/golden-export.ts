import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../format/hash.ts";
import { pageDigest } from "../../format/page.ts";
import { readManifest } from "../../format/read-blob.ts";
import { verifyBlob } from "../../format/seal.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";

function golden(file: string): URL {
  return new URL(`../golden/${file}`, import.meta.url);
}

/** A golden model as it is published, with its pages. */
export async function goldenExport(name: string): Promise<ExportedModel> {
  const blob = new Uint8Array(readFileSync(golden(`${name}.blob.bin`)));
  const pages = [];
  for (const number of ["", "0", "1"]) {
    if (!existsSync(golden(`${name}.page${number}.bin`))) continue;
    const bytes = new Uint8Array(readFileSync(golden(`${name}.page${number}.bin`)));
    pages.push({ digest: await pageDigest(bytes), bytes });
  }
  return { model: readManifest(blob).spec.name, version: await verifyBlob(blob), blob, pages };
}

/** Writes a golden model as `export` does. */
export async function saveGoldenExport(folder: string, name: string): Promise<ExportedModel> {
  const exported = await goldenExport(name);
  const { model, version, blob, pages } = exported;
  mkdirSync(join(folder, "pages"), { recursive: true });
  writeFileSync(join(folder, `${version}.blob`), blob);
  for (const { digest, bytes } of pages) writeFileSync(join(folder, "pages", `${toHex(digest)}.page`), bytes);
  const manifest = { model, version, pages: pages.map(({ digest }) => toHex(digest)) };
  writeFileSync(join(folder, "export.json"), JSON.stringify(manifest));
  return exported;
}
