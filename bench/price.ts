// What requests cost in Workers KV: the keys that the Worker reads for them, as its answers state, and dollars for a
// million such requests. Every value's row is in one of 1,000 pages and none in the blob, which is the dearest case;
// each line has a new isolate. Prints; gates nothing.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publish } from "../deploy/publish.ts";
import { serve } from "../deploy/serve.ts";
import { pagedModel, textOf, VALUES } from "../testing/kernel/paged-model.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions } from "./options.ts";
import { JSON_FILE } from "./values.ts";

/** Workers KV, paid plan: dollars for a key that is read. */
const DOLLARS_PER_KEY = 0.5e-6;

interface Case {
  name: string;
  path: "/v1/score" | "/v1/rank";
  body: object;
  /** Equal requests that are sent at the same time. Default: 1. */
  together?: number;
  /** How often it is sent before. Default: never, so that the isolate has no page. */
  before?: number;
}

interface Result {
  name: string;
  bytes: number;
  keysPerRequest: number;
  dollarsPerMillion: number;
}

const { json } = benchOptions({ "--json <file>": JSON_FILE });
const { exported, item, context } = await pagedModel();
const list = (count: number, from: number): object[] =>
  Array.from({ length: count }, (_, i) => ({ [item]: textOf(from + i) }));
const record = { [context]: textOf(0), [item]: textOf(1) };
const ranked = { context: { [context]: textOf(0) }, candidates: list(100, 1) };
const CASES: Case[] = [
  { name: "1 record, two values", path: "/v1/score", body: { records: [record] } },
  { name: "the same again", path: "/v1/score", body: { records: [record] }, before: 1 },
  { name: "100 candidates, one context", path: "/v1/rank", body: ranked },
  { name: "the same, sent 4 times before", path: "/v1/rank", body: ranked, before: 4 },
  { name: "14 records, 100 requests at once", path: "/v1/score", body: { records: list(14, 1) }, together: 100 },
  { name: "1,000 records of unseen values", path: "/v1/score", body: { records: list(1000, VALUES) } },
];

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-price-"));
try {
  await publish(exported, { remote: false, persistTo: folder });
  const results: Result[] = [];
  for (const one of CASES) results.push(await cost(one));
  console.log(
    table(
      ["request", "body", "keys a request", "$ per million"],
      results.map(({ name, bytes, keysPerRequest, dollarsPerMillion }) => [
        name,
        `${(bytes / 1e3).toFixed(2)} kB`,
        keysPerRequest.toFixed(2),
        dollarsPerMillion.toFixed(2),
      ]),
    ),
  );
  if (json) writeWhole(json, toJson({ results }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What a request costs in a Worker that has just started. */
async function cost({ name, path, body, together = 1, before = 0 }: Case): Promise<Result> {
  await using server = await serve(folder);
  const text = JSON.stringify(body);
  const url = new URL(path, server.url);
  keysOf(new URL("/v1/score", server.url), '{"records":[]}'); // loads the model
  for (let time = 0; time < before; time++) keysOf(url, text);
  const keys = await Promise.all(Array.from({ length: together }, () => keysOf(url, text)));
  const keysPerRequest = keys.reduce((sum, count) => sum + count, 0) / together;
  return { name, bytes: text.length, keysPerRequest, dollarsPerMillion: 1e6 * keysPerRequest * DOLLARS_PER_KEY };
}

/** Sends a request. Returns the keys that were read for it. */
async function keysOf(url: URL, body: string): Promise<number> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const keys = /kv;desc="(\d+)"/.exec(response.headers.get("server-timing") ?? "")?.[1];
  const answer = await response.text();
  if (keys === undefined) throw new Error(`${url}: got ${response.status} ${answer}, expected 200 with server-timing`);
  return Number(keys);
}
