import { existsSync } from "node:fs";
import type { Command } from "commander";
import { columnOf, partsOf } from "../../format/columns.ts";
import { BLOB_MAGIC } from "../../format/constants.ts";
import { counted } from "../../format/counted.ts";
import { FormatError, show } from "../../format/errors.ts";
import { type PublicKey, publicKeyOf, readPublicKeys, readSigningKey } from "../../format/signature.ts";
import { loadExport } from "../../trainer/export/export.ts";
import { type Inspection, inspectBlob } from "../../trainer/export/inspect-blob.ts";
import { readWhole, toJson } from "../../trainer/io/files.ts";
import { statsOf } from "../../trainer/io/folders.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";
import { inspectRun, kindOfFolder } from "./inspect/run.ts";
import { readText } from "./options.ts";

/** The four bytes that a blob begins with, as text. */
const MAGIC = String.fromCharCode(...new Uint8Array(Uint32Array.of(BLOB_MAGIC).buffer));

export function defineInspect(command: Command): void {
  command
    .argument("<blob>", "a .blob file, the folder that `export` wrote, or the one that `train` saved")
    .option(
      "--key <key>",
      "verify that this key signed it: a public key as MODEL_KEYS has it, or a file with one or with the private key",
    )
    .option("--json", "print it as JSON")
    .action(async (path: string, { key, json }: { key?: string; json?: boolean }) => {
      const folder = statsOf(path)?.isDirectory() ? kindOfFolder(path) : null;
      if (folder === "run") return inspectRun(path, { key, json });
      const trusted = key === undefined ? [] : await trustedKeys(key);
      const blob = folder === "export" ? (await loadExport(path)).blob : readBlobFile(path);
      const inspection = await inspectBlob(blob, trusted).catch((error) => {
        throw error instanceof FormatError ? new FormatError(path, error.message) : error;
      });
      if (json) return void process.stdout.write(toJson(inspection));
      print(inspection);
    });
}

function readBlobFile(path: string): Uint8Array {
  const bytes = readWhole(path);
  const magic = bytes.subarray(0, 4).toString("latin1");
  if (magic !== MAGIC) throw new FormatError(path, `got ${show(magic)} at its start, expected a blob's ${show(MAGIC)}`);
  return bytes;
}

/** The keys that `--key` names: public keys as text, a file of such text, or the file of a private key. */
async function trustedKeys(key: string): Promise<PublicKey[]> {
  const [text, source] = existsSync(key) ? [readText(key), key] : [key, "--key, which is no file"];
  if (text.includes("PRIVATE KEY")) return [await publicKeyOf(await readSigningKey(text, source))];
  const keys = await readPublicKeys(text, source);
  if (keys.length === 0)
    throw new FormatError(source, "got no key, expected base64 of an Ed25519 public key's 32 bytes");
  return keys;
}

function signatureText({ signer, serial, signatureVerified }: Inspection): string {
  if (signer === null) return "no";
  if (signatureVerified) return `signature verified with the key ${signer}, serial number ${serial}`;
  return `by a key that calls itself ${signer} (not verified; --key verifies)`;
}

function calibrationText({ calibration }: Inspection): string {
  if (calibration === null) return "–";
  const { method, calibrated, slopes } = calibration;
  const number = (x: number): string => x.toPrecision(4);
  if (calibrated.length > 1) return `${method}, ${calibrated.length} knots`;
  return `${method}: ${number(slopes[0])} · logit + ${number(calibrated[0] as number)}`;
}

function catalogueText(items: Inspection["items"]): string {
  if (items === null) return "–";
  const { field, count, form, bytesPerItem, pages } = items;
  const others = pages > 0 ? ` in the blob, others in ${counted(pages, "page")}` : "";
  return `${counted(count, "item")} by ${field} as ${form}, ${bytesPerItem} bytes each${others}`;
}

function print(blob: Inspection): void {
  const { terms, rowType, embeddingDim, goldenRecords, items, rows } = blob;
  const number = (x: number): string => x.toPrecision(3);
  console.log(
    table(
      ["model", blob.model],
      [
        ["version", blob.version],
        ["SHA-256 of the file", blob.sha256],
        ["format", `${blob.format}, ${bytesText(blob.bytes)}, by ${blob.producer}`],
        ["signed", signatureText(blob)],
        ["logit", terms.join(" + ")],
        ["calibration", calibrationText(blob)],
        [
          "rows",
          `${rowType}, ${counted(embeddingDim, "number")} and a weight; ${rows.rows} in the blob, others in ${counted(blob.pages - (items?.pages ?? 0), "page")}`,
        ],
        ["catalogue", catalogueText(items)],
        ["golden records", `${goldenRecords.count}, within ${goldenRecords.tolerance}`],
      ],
    ),
  );
  console.log(
    table(
      ["section", "offset", "bytes", "share"],
      blob.sections.map(({ name, offset, bytes }) => [
        name,
        offset,
        bytes,
        `${((100 * bytes) / blob.bytes).toFixed(1)} %`,
      ]),
    ),
  );
  console.log(
    table(
      ["field", "type", "encoding", "side", "missing", "rows in KV"],
      blob.fields.map(({ name, type, encoding, side, missing, kv }) => [
        name,
        type,
        encoding.kind,
        side,
        String(missing),
        kv ? "yes" : "no",
      ]),
    ),
  );
  const made = blob.fields.filter((field) => field.from !== undefined || field.prepare || partsOf(field));
  if (made.length > 0) console.log(table(["field", "from", "prepare"], made.map(originCells)));
  if (blob.layers.length > 0)
    console.log(
      table(
        ["layer", "inputs", "outputs", "weights", "activation", "bytes"],
        blob.layers.map((layer) => [
          layer.network,
          layer.inputs,
          layer.outputs,
          layer.weights,
          layer.activation,
          layer.bytes,
        ]),
      ),
    );
  console.log(
    table(
      [`${counted(rows.rows, "row")}, ${rows.zero} all zero`, "mean", "max"],
      [
        ["|w|", number(rows.weight.mean), number(rows.weight.max)],
        ["‖v‖", number(rows.norm.mean), number(rows.norm.max)],
      ],
    ),
  );
  const evidence = Object.keys(blob.evidence);
  console.log(evidence.length > 0 ? `evidence, which --json shows: ${evidence.join(", ")}` : "no evidence");
}

/** Where a field's values come from, and the steps that prepare them. */
function originCells(field: Inspection["fields"][number]): [string, string, string] {
  const steps = (field.prepare ?? []).map((step) => (typeof step === "string" ? step : JSON.stringify(step)));
  return [field.name, partsOf(field)?.join(" × ") ?? columnOf(field) ?? "", steps.join(" → ")];
}
