// Seconds and peak memory of publishing a model with so many rows in pages of 450: for the first time, and again when
// all is there. The store is a folder, which leaves the publisher alone with its work, or the local KV, whose workerd
// is a process of its own that the memory does not count. Prints; gates nothing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";
import { writeSyntheticExport } from "./publish/synthetic-export.ts";
import { oneOf } from "./values.ts";

interface Upload {
  uploaded: number;
  present: number;
  seconds: number;
  peakBytes: number;
}

const { rows, into } = benchOptions({
  "--rows <n>": option("rows of the model", integerWithin(1, 1e8), 1_000_000),
  "--into <store>": option("a folder, or the local KV: folder or local", oneOf(["folder", "local"]), "folder"),
});
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-publish-bench-"));
try {
  const { pages, bytes } = await writeSyntheticExport(join(folder, "export"), rows);
  console.log(`${rows.toLocaleString("en")} rows, ${pages.toLocaleString("en")} pages of ${bytesText(bytes)}`);
  const runs = ["for the first time", "again"].map((what) => ({ what, ...upload() }));
  console.log(
    table(
      ["publish", "uploaded", "there", "seconds", "peak memory"],
      runs.map(({ what, uploaded, present, seconds, peakBytes }) => [
        ...[what, uploaded.toLocaleString("en"), present.toLocaleString("en")],
        ...[seconds.toFixed(1), bytesText(peakBytes)],
      ]),
    ),
  );
} finally {
  rmSync(folder, { recursive: true });
}

function upload(): Upload {
  const script = fileURLToPath(new URL("publish/upload.ts", import.meta.url));
  const args = [script, join(folder, "export"), into, join(folder, "kv")];
  const { status, stdout } = spawnSync(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${script} ended with ${status}`);
  return JSON.parse(String(stdout));
}
