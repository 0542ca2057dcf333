// Keys of Workers KV that requests read which rank items by their ids, where the catalogue is one of entries: the most
// popular items in the blob, the others in pages. The Worker's own code encodes, looks up, reads, caches and scores;
// its source is a function that makes a page when it is asked for, so nothing here depends on time. Items and users are
// drawn by Zipf's law. Exits with 1 where requests read more keys than `--most` once warm, or lack a value.
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { integerWithin, numberWithin } from "../trainer/terminal/number-option.ts";
import { bytesText, table } from "../trainer/terminal/table.ts";
import { MemoryBudget } from "../worker/memory/memory-budget.ts";
import { RowStore } from "../worker/rows/row-store.ts";
import { scoreRequest } from "../worker/scoring/score-request.ts";
import type { Source } from "../worker/source/source.ts";
import { Traffic } from "./cache/traffic.ts";
import { catalogueModel, leastRows } from "./catalogue/model.ts";
import { benchOptions, flag, option, refuse } from "./options.ts";
import { JSON_FILE } from "./values.ts";

const options = benchOptions({
  "--rows <n>": option("rows of all fields", integerWithin(1, 1e8), 10_000_000),
  "--items <n>": option("items of the catalogue", integerWithin(1, 1e8), 2_000_000),
  "--candidates <n>": option("items of a request", integerWithin(1, 10_000), 500),
  "--exponent <x>": option("of Zipf's law", numberWithin(0, 10), 1.05),
  "--item-mib <x>": option("MiB for items in the blob", numberWithin(0, 25), 20),
  "--cache-mib <x>": option("MiB of the isolate for the model and its rows", numberWithin(1, 128), 32),
  "--requests <n>": option("requests in all", integerWithin(1, 1e8), 3000),
  "--keys <n>": option("keys that a request may read", integerWithin(1, 10_000), 1000),
  "--distinct": flag("no item comes twice in a request"),
  "--most <x>": option("keys that requests may read in the mean once warm", numberWithin(0, 10_000), 20),
  "--json <file>": JSON_FILE,
});
const { rows, items, candidates, exponent, requests, json } = options;
if (rows < leastRows(items)) refuse(`--rows: got ${rows}, expected at least ${leastRows(items)} with ${items} items`);
if (options.distinct && candidates > items)
  refuse(`--distinct: got ${candidates} candidates, expected at most the ${items} items`);
const MIB = 2 ** 20;
/** Requests whose keys are shown together. */
const STEP = Math.ceil(requests / 10);
const USERS = 1_000_000;

const started = performance.now();
const model = await catalogueModel(rows, items, options.itemMib * MIB);
const { bytesPerItem, inBlob, pages, pageBytes } = model.items;
console.log(
  `${rows.toLocaleString("en")} rows in ${model.pageCount} pages; ${items.toLocaleString("en")} items of ` +
    `${bytesPerItem.toFixed(1)} bytes, ${inBlob.toLocaleString("en")} in the blob of ${bytesText(model.blob.length)} and ` +
    `the others in ${pages} pages of ${bytesText(pageBytes)}; made in ${((performance.now() - started) / 1e3).toFixed(0)} s`,
);

const memory = new MemoryBudget(Date.now, options.cacheMib * MIB);
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
      ...{ rows: store, source, deadlineMs: 60_000, maxKeys: options.keys, charge: null, keepAlive() {}, lease },
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
if (json) writeWhole(json, toJson({ rows, items, candidates, model: model.items, steps }));
if (last.keys > options.most || last.missing > 0) process.exitCode = 1;

/** The items of a request. */
function draw(): number[] {
  if (!options.distinct) return Array.from({ length: candidates }, () => itemTraffic.next());
  const drawn = new Set<number>();
  while (drawn.size < candidates) drawn.add(itemTraffic.next());
  return [...drawn];
}
