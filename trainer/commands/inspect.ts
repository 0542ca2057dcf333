import { statSync } from "node:fs";
import { Command } from "commander";
import { loadExport } from "../export/export.ts";
import { toJson } from "../files.ts";
import { type Inspection, inspect } from "../inspect.ts";
import { bytesText, table } from "../table.ts";
import { readBytes } from "./options.ts";

export function inspectCommand(): Command {
  return new Command("inspect")
    .description("Check a model blob, and print what is in it: sections, fields, layers, rows, evidence.")
    .argument("<blob>", "a .blob file, or the folder that `export` wrote")
    .option("--json", "print it as JSON")
    .action(async (path: string, { json }: { json?: boolean }) => {
      const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
      const inspection = await inspect(folder ? (await loadExport(path)).blob : readBytes(path));
      if (json) return void process.stdout.write(toJson(inspection));
      print(inspection);
    });
}

function print(blob: Inspection): void {
  const { terms, rowType, embeddingDim, goldenRecords, items, rows } = blob;
  const number = (x: number): string => x.toPrecision(3);
  console.log(
    table(
      [blob.name, ""],
      [
        ["model", blob.model],
        ["format", `version ${blob.version}, ${bytesText(blob.bytes)}, by ${blob.producer}`],
        ["signed", blob.signer === null ? "no" : `by the key ${blob.signer}`],
        ["logit", terms.join(" + ")],
        [
          "rows",
          `${rowType}, ${embeddingDim} numbers and a weight; ${rows.rows} in the blob, others in ${blob.pages} pages`,
        ],
        ["catalogue", items ? `${items.count} items by ${items.field}, ${items.bytesPerItem} bytes each` : "–"],
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
      [`${rows.rows} rows, ${rows.zero} all zero`, "mean", "max"],
      [
        ["|w|", number(rows.weight.mean), number(rows.weight.max)],
        ["‖v‖", number(rows.norm.mean), number(rows.norm.max)],
      ],
    ),
  );
  const evidence = Object.keys(blob.evidence);
  console.log(evidence.length > 0 ? `evidence, which --json shows: ${evidence.join(", ")}` : "no evidence");
}
