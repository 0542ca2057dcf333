import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../format/hash.ts";
import { pageDigest } from "../../format/page.ts";
import { readManifest } from "../../format/read-blob.ts";
import { verifyBlob } from "../../format/seal.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import type { WrittenPage } from "../../trainer/export/rows.ts";

function golden(file: string): URL {
  return new URL(`../golden/${file}`, import.meta.url);
}

/** A golden model as it is published, with the pages that its blob names; several models have the same ones. */
export async function goldenExport(name: string): Promise<ExportedModel> {
  const blob = new Uint8Array(readFileSync(golden(`${name}.blob.bin`)));
  const { spec, pageDigests } = readManifest(blob);
  const known = new Map<string, WrittenPage>();
  for (const file of readdirSync(golden(".")).filter((file) => /\.page\d?\.bin$/.test(file))) {
    const bytes = new Uint8Array(readFileSync(golden(file)));
    const digest = await pageDigest(bytes);
    known.set(toHex(digest), { digest, bytes });
  }
  const pages = (toHex(pageDigests).match(/.{32}/g) ?? []).map((digest) => {
    const page = known.get(digest);
    if (!page) throw new Error(`${name}: got no golden page ${digest}`);
    return page;
  });
  return { model: spec.name, version: await verifyBlob(blob), blob, pages };
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
