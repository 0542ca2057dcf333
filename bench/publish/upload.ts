// A process of its own, so that its peak of memory is that of a publication:
//   node bench/publish/upload.ts EXPORT folder|local FOLDER
import { openLocalKv } from "../../deploy/kv/local-kv.ts";
import { Publication } from "../../deploy/publication.ts";
import { WRANGLER_CONFIG } from "../../deploy/wrangler.ts";
import { openExport } from "../../trainer/export/export.ts";
import { FolderKv } from "./folder-kv.ts";

const [folder = "", kind, into = ""] = process.argv.slice(2);
await using store = kind === "local" ? await openLocalKv(WRANGLER_CONFIG, into) : new FolderKv(into);
const started = performance.now();
const { uploaded, present } = await new Publication(store).run(await openExport(folder));
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ uploaded, present, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
