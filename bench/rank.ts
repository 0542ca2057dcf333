// Ranking a list over HTTP, as a front-end asks for it: whole records to /v1/score, candidates of one context to /v1/rank, ids of
// a catalogue's items to /v1/rank. The Worker that is deployed, in workerd over KV on this machine: its processor time, from the
// body's bytes to the response's. What the same body takes to no route is no part of it: that is wrangler's development server.
// All take turns. Prints; gates nothing but that all score alike.
//   node bench/rank.ts [--rounds 15] [--json FILE]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { publish } from "../deploy/publish.ts";
import { type LocalServer, serve } from "../deploy/serve.ts";
import { GOLDEN_RECORDS, sealExport } from "../trainer/export/seal.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchCase, CONTEXT_FIELDS, RECORDS, SHAPES, withOneContext } from "./kernel/cases.ts";
import { withCatalogue } from "./kernel/catalogue.ts";
import type { Way } from "./kernel/contestant.ts";
import { median, ratio } from "./kernel/race.ts";
import { workerdMs } from "./processor-time.ts";

const CANDIDATES = [100, 500, 2000];
/** Candidates that a sample ranks at least, in as many requests as that takes. */
const SAMPLE = 2000;
/** Scores that may differ: an activation between two of its 7-bit steps may move with the order of float32 sums. */
const TOLERANCE = 0.02;

interface Request {
  path: string;
  body: string;
}

interface Result {
  way: Way;
  candidates: number;
  /** Of a request's body. */
  bytes: number;
  /** Of a request. */
  ms: number;
  candidatesPerSecond: number;
  /** Throughput / that of whole records. */
  ratio: number;
}

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, json: { type: "string" } },
});
const [shape] = SHAPES;
if (!shape) throw new Error("got no case");
const one = withOneContext(benchCase(shape));
const { fields, rows, texts } = one;
const { model } = withCatalogue(one, "int8");
const names = model.spec.fields.map(({ name }) => name);

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-"));
let server: LocalServer | null = null;
try {
  const golden = Array.from({ length: GOLDEN_RECORDS }, (_, r) => record(r, 0, fields));
  await publish(await sealExport({ model, blob: new Uint8Array(0), pages: [] }, {}, golden), {
    remote: false,
    persistTo: folder,
  });
  server = await serve(folder);
  const results: Result[] = [];
  for (const candidates of CANDIDATES) results.push(...(await measure(server, candidates)));
  console.log(`\n${one.name}, ${CONTEXT_FIELDS} fields of the context, ${fields - CONTEXT_FIELDS} of an item; int8`);
  console.log(
    table(
      ["list", "candidates", "body", "ms", "candidates/s", "ratio"],
      results.map(({ way, candidates, bytes, ms, candidatesPerSecond, ratio }) => [
        way,
        String(candidates),
        `${(bytes / 1e3).toFixed(0)} kB`,
        ms.toFixed(2),
        candidatesPerSecond.toFixed(0),
        `${ratio.toFixed(2)} ×`,
      ]),
    ),
  );
  if (options.json) writeWhole(options.json, toJson({ results }));
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Values of fields [from, to) of record r. */
function record(r: number, from: number, to: number): Record<string, string> {
  return Object.fromEntries(names.slice(from, to).map((name, i) => [name, text(r, from + i)]));
}

function text(r: number, field: number): string {
  return texts[rows[r * fields + field]];
}

/** The same list asked for in each way. */
function requests(count: number): Map<Way, Request> {
  const some = Array.from({ length: Math.min(count, RECORDS) }, (_, r) => r);
  const context = record(0, 0, CONTEXT_FIELDS);
  const rank = (body: object): Request => ({ path: "/v1/rank", body: JSON.stringify({ context, ...body }) });
  return new Map<Way, Request>([
    ["whole", { path: "/v1/score", body: JSON.stringify({ records: some.map((r) => record(r, 0, fields)) }) }],
    ["context once", rank({ candidates: some.map((r) => record(r, CONTEXT_FIELDS, fields)) })],
    ["catalogue", rank({ items: some.map((r) => text(r, CONTEXT_FIELDS)) })],
  ]);
}

async function measure({ url }: LocalServer, candidates: number): Promise<Result[]> {
  const asked = [...requests(candidates)];
  const [expected = [], ...others] = await Promise.all(asked.map(([, request]) => scores(url, request)));
  for (const got of others) {
    const worst = Math.max(...got.map((score, i) => Math.abs(score - expected[i])));
    if (got.length !== candidates || !(worst < TOLERANCE))
      throw new Error(`got ${got.length} scores up to ${worst} apart, expected ${candidates} within ${TOLERANCE}`);
  }
  const times = asked.map((): number[] => []);
  const repeat = Math.ceil(SAMPLE / candidates);
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const [i, [, request]] of asked.entries()) {
      const started = workerdMs();
      for (let time = 0; time < repeat; time++) await scores(url, request);
      const scored = workerdMs();
      for (let time = 0; time < repeat; time++) await nothing(url, request);
      // The first round warms up, and is written over.
      times[i][Math.max(0, round - 1)] = (scored - started - (workerdMs() - scored)) / repeat;
    }
  }
  return asked.map(([way, { body }], i) => {
    const ms = median(times[i] ?? []);
    return {
      way,
      candidates,
      bytes: body.length,
      ms: Number(ms.toPrecision(4)),
      candidatesPerSecond: Math.round((1000 * candidates) / ms),
      ratio: Number(ratio(times[0] ?? [], times[i] ?? []).toPrecision(4)),
    };
  });
}

async function scores(url: URL, request: Request): Promise<number[]> {
  const response = await post(url, request);
  if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { scores: number[] }).scores;
}

/** The same body to a path without a route. */
async function nothing(url: URL, { body }: Request): Promise<void> {
  const response = await post(url, { path: "/none", body });
  if (response.status !== 404) throw new Error(`got ${response.status} from /none, expected 404`);
  await response.arrayBuffer();
}

function post(url: URL, { path, body }: Request): Promise<Response> {
  return fetch(new URL(path, url), { method: "POST", headers: { "content-type": "application/json" }, body });
}
