import { existsSync } from "node:fs";
import type { Command } from "commander";
import { FormatError } from "../../format/errors.ts";
import { sealBlob, serialOf } from "../../format/seal.ts";
import { generateKeys, readSigningKey } from "../../format/signature.ts";
import { exportReport } from "../../lab/report/quantization-report.ts";
import { quantizationOf } from "../../lab/report/saved-run.ts";
import { loadExport, saveExport } from "../../trainer/export/export.ts";
import { writeSecret } from "../../trainer/io/files.ts";
import { readText } from "./options.ts";

export function defineKeygen(command: Command): void {
  command.argument("<file>", "where to write the private key (PEM); it must not exist").action(async (path: string) => {
    if (existsSync(path))
      throw new FormatError(path, "got a file that exists, expected a new name: a key is never overwritten");
    const { privateKey, publicKey } = await generateKeys();
    writeSecret(path, privateKey);
    console.log(`MODEL_KEYS = "${publicKey}"`);
  });
}

export function defineSign(command: Command): void {
  command
    .argument("<export>", "the folder that `export` wrote")
    .requiredOption("--key <file>", "private key, PEM, from `keygen` or `openssl genpkey -algorithm ed25519`")
    .action(async (folder: string, { key: path }: { key: string }) => {
      const key = await readSigningKey(readText(path), path);
      const exported = await loadExport(folder);
      const serial = Math.max(Date.now(), serialOf(exported.blob) + 1);
      const version = await sealBlob(exported.blob, { key, serial });
      const losses = quantizationOf(exported.blob);
      const report = losses === null ? undefined : await exportReport(exported.model, version, losses);
      saveExport(folder, { ...exported, version }, report);
      const signer = Buffer.from(key.id).toString("hex");
      console.log(
        `${folder}: ${exported.model}@${version}, signed by the key ${signer} with the serial number ${serial}`,
      );
    });
}
