// Keys of Workers KV that requests read which rank items by their ids, where the catalogue is one of entries: the most
// popular items in the blob, the others in pages. The Worker's own code encodes, looks up, reads, caches and scores;
// its source is a function that makes a page when it is asked for, so nothing here depends on time. Items and users are
// drawn by Zipf's law. Exits with 1 where requests read more keys than `--most` once warm, or lack a value.
//   npm run bench -- catalogue [--rows 10000000] [--items 2000000] [--candidates 500] [--exponent 1.05] [--item-mib 20]
//     [--cache-mib 32] [--requests 3000] [--keys 1000] [--distinct] [--most 20] [--json FILE]
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { MemoryBudget } from "../worker/memory/memory-budget.ts";
import { RowStore } from "../worker/rows/row-store.ts";
import { scoreRequest } from "../worker/scoring/score-request.ts";
import type { Source } from "../worker/source/source.ts";
import { Traffic } from "./cache/traffic.ts";
import { catalogueModel } from "./catalogue/model.ts";
import { benchOptions } from "./options.ts";

const { values: options } = benchOptions({
  options: {
    ...{ rows: { type: "string", default: "10000000" }, items: { type: "string", default: "2000000" } },
    ...{ candidates: { type: "string", default: "500" }, exponent: { type: "string", default: "1.05" } },
    ...{ "item-mib": { type: "string", default: "20" }, "cache-mib": { type: "string", default: "32" } },
    ...{ requests: { type: "string", default: "3000" }, keys: { type: "string", default: "1000" } },
    ...{ distinct: { type: "boolean", default: false }, most: { type: "string", default: "20" } },
    json: { type: "string" },
  },
});
const MIB = 2 ** 20;
const [rows, items, candidates] = [Number(options.rows), Number(options.items), Number(options.candidates)];
const [exponent, requests, mostKeys] = [Number(options.exponent), Number(options.requests), Number(options.keys)];
/** Requests whose keys are shown together. */
const STEP = Math.ceil(requests / 10);
const USERS = 1_000_000;

const started = performance.now();
const model = await catalogueModel(rows, items, Number(options["item-mib"]) * MIB);
const { bytesPerItem, inBlob, pages, pageBytes } = model.items;
console.log(
  `${rows.toLocaleString("en")} rows in ${model.pageCount} pages; ${items.toLocaleString("en")} items of ` +
    `${bytesPerItem.toFixed(1)} bytes, ${inBlob.toLocaleString("en")} in the blob of ${bytesText(model.blob.length)} and ` +
    `the others in ${pages} pages of ${bytesText(pageBytes)}; made in ${((performance.now() - started) / 1e3).toFixed(0)} s`,
);

const memory = new MemoryBudget(Date.now, Number(options["cache-mib"]) * MIB);
const store = new RowStore(memory, Date.now);
const models = memory.lease("models");
models.resize(model.memoryBytes);
const source: Source = {
  stream: async () => null,
  pages: async (keys) => new Map(keys.map((key) => [key, model.page(key)])),
};
const itemTraffic = new Traffic(items, exponent, 1);
const userTraffic = new Traffic(Math.min(USERS, rows - items), exponent, 2);

interface Step {
  requests: number;
  keys: number;
  p95: number;
  missing: number;
  fromBlob: number;
  fromIsolate: number;
}

const steps: Step[] = [];
for (let done = 0; done < requests; done += STEP) {
  const keys: number[] = [];
  const found = { blob: 0, isolate: 0, source: 0 };
  let missing = 0;
  for (let i = 0; i < STEP; i++) {
    using lease = memory.lease("requests");
    const request = { context: model.contextOf(userTraffic.next()), items: draw().map(model.idOf) };
    const result = await scoreRequest(request, {
      model: { model: "catalogue", version: "", scorer: model.scorer },
      ...{ rows: store, source, deadlineMs: 60_000, maxKeys: mostKeys, charge: null, keepAlive() {}, lease },
    });
    keys.push(result.pagesRead);
    missing += result.missing?.rows ?? 0;
    for (const tier of ["blob", "isolate", "source"] as const) found[tier] += result.rowsFound[tier];
  }
  keys.sort((a, b) => a - b);
  const all = found.blob + found.isolate + found.source;
  steps.push({
    requests: done + STEP,
    keys: keys.reduce((a, b) => a + b, 0) / STEP,
    p95: keys[Math.floor(0.95 * STEP)],
    missing: missing / STEP,
    fromBlob: found.blob / all,
    fromIsolate: found.isolate / all,
  });
}
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
console.log(
  table(
    ["requests", "keys a request", "p95", "$ per million", "blob", "isolate", "values missing"],
    steps.map((step) => [
      ...[step.requests.toLocaleString("en"), step.keys.toFixed(2), String(step.p95), (step.keys / 2).toFixed(2)],
      ...[percent(step.fromBlob), percent(step.fromIsolate), step.missing.toFixed(2)],
    ]),
  ),
);
const last = steps.at(-1) as Step;
if (options.json) writeWhole(options.json, toJson({ rows, items, candidates, model: model.items, steps }));
if (last.keys > Number(options.most) || last.missing > 0) process.exitCode = 1;

/** The items of a request. */
function draw(): number[] {
  if (!options.distinct) return Array.from({ length: candidates }, () => itemTraffic.next());
  const drawn = new Set<number>();
  while (drawn.size < candidates) drawn.add(itemTraffic.next());
  return [...drawn];
}
