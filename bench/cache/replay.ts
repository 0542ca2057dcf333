// Scores one record a request in workerd, over KV on this machine: a million rows in pages, none in the blob, and a
// cache of a tenth of the pages' bytes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDevServer } from "../../deploy/dev-server.ts";
import { publish } from "../../deploy/publish.ts";
import { pagedModel, textOf } from "../../testing/kernel/paged-model.ts";
import { Traffic } from "./traffic.ts";

const VALUES = 500_000;
const PAGES = 2200;
const BEFORE = 1000;
const REQUESTS = 4000;

/** What the Worker says of the requests after the first BEFORE. */
export interface Replayed {
  /** Keys that a request read. */
  keys: number;
  /** The share of look-ups that the isolate answered. */
  here: number;
}

/** Draws users and items as the generated log does: ∝ 1/rank and ∝ 1/rank^1.05. */
export async function replay(): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-"));
  try {
    const { exported, item, context } = await pagedModel({ pages: PAGES, values: VALUES });
    const config = join(folder, "wrangler.json");
    const main = fileURLToPath(new URL("worker.ts", import.meta.url));
    const rules = [{ type: "CompiledWasm", globs: ["**/*.wasm"], fallthrough: true }];
    const kv = [{ binding: "MODELS", id: "models" }];
    const about = { name: "replay", main, compatibility_date: "2026-10-20", rules, kv_namespaces: kv };
    writeFileSync(config, JSON.stringify(about));
    await publish(exported, { remote: false, config });
    await using server = await startDevServer(config);
    const [users, items] = [new Traffic(VALUES, 1, 3), new Traffic(VALUES, 1.05, 4)];
    let [keys, here, lookups] = [0, 0, 0];
    for (let request = 0; request < BEFORE + REQUESTS; request++) {
      const record = { [context]: textOf(users.next()), [item]: textOf(items.next()) };
      const counts = await score(server.url, record);
      if (request < BEFORE) continue;
      keys += counts.kv;
      here += counts.blob + counts.isolate;
      lookups += counts.blob + counts.isolate + counts.source;
    }
    return { keys: keys / REQUESTS, here: here / lookups };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Counts = Record<"kv" | "blob" | "isolate" | "source", number>;

async function score(url: URL, record: object): Promise<Counts> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ records: [record] });
  const response = await fetch(new URL("/v1/score", url), { method: "POST", headers, body });
  const answer = (await response.json()) as { degraded?: object };
  if (!response.ok || answer.degraded) throw new Error(`got ${response.status} ${JSON.stringify(answer)}`);
  const timing = response.headers.get("server-timing") ?? "";
  const counts = Array.from(timing.matchAll(/(\w+);desc="(\d+)"/g), ([, name, count]) => [name, Number(count)]);
  return Object.fromEntries(counts) as Counts;
}
