// Ranking 1,000 candidates with features over HTTP, sent as JSON and in the compact form. Time: ms of the Worker's
// processor time, from a request's bytes to the response's, less what the same body takes to a path without a route; the
// median of rounds in which both take turns. Saved: 1 less the compact form's time divided by JSON's, round by round, its
// median. Checks that both are answered alike; gates nothing else.
//   npm run bench -- compact [--rounds 31] [--json FILE]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { publish } from "../deploy/publish.ts";
import { serve } from "../deploy/serve.ts";
import { compact } from "../testing/compact.ts";
import { Random } from "../trainer/data/random.ts";
import { sealExport } from "../trainer/export/seal.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchCase, type CaseShape, CONTEXT_FIELDS, SHAPES } from "./kernel/cases.ts";
import { workerdMs } from "./processor-time.ts";
import { medianRatio, rounded } from "./ratio.ts";

const CANDIDATES = 1000;
/** How many values the item's fields have among the candidates: its id one each, the others these in turn. */
const CARDINALITIES = [50, 500];
const ROUNDS = 31;
/** Requests of a turn. */
const REPEAT = 4;

const MODELS: CaseShape[] = [{ type: "DeepFM", fields: 39, k: 16, hidden: [128, 64] }, SHAPES[0]];

interface Sent {
  form: "JSON" | "compact";
  type: string;
  body: Uint8Array<ArrayBuffer>;
  times: number[];
}

interface Result {
  model: string;
  form: Sent["form"];
  bytes: number;
  ms: number;
  saved: number;
}

const { values: options } = parseArgs({ options: { rounds: { type: "string" }, json: { type: "string" } } });
const results: Result[] = [];
for (const shape of MODELS) results.push(...(await raced(shape)));
console.log(
  table(
    ["model", "form", "body", "ms", "saved"],
    results.map(({ model, form, bytes, ms, saved }) => [
      model,
      form,
      `${(bytes / 1e3).toFixed(0)} kB`,
      ms.toFixed(2),
      form === "JSON" ? "" : `${(100 * saved).toFixed(0)} %`,
    ]),
  ),
);
if (options.json) writeWhole(options.json, toJson({ results }));

async function raced(shape: CaseShape): Promise<Result[]> {
  const one = benchCase(shape);
  const model = one.models.int8;
  const names = model.spec.fields.map(({ name }) => name);
  const body = listOf(one.texts, one.fields, names);
  const golden = [body.context];
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const sealed = await sealExport({ model, pages: [] }, {}, golden);
  await publish(sealed, { remote: false, persistTo: folder });
  const { url } = stack.use(await serve(folder));
  const forms: Sent[] = [
    { form: "JSON", type: "application/json", body: new TextEncoder().encode(JSON.stringify(body)), times: [] },
    { form: "compact", type: "application/cbor", body: compact(body), times: [] },
  ];
  const [json, other] = await Promise.all(forms.map((sent) => rank(url, sent)));
  if (json !== other) throw new Error("the two forms are answered differently");
  for (let round = 0; round <= Number(options.rounds ?? ROUNDS); round++) {
    for (const sent of round % 2 === 0 ? forms : forms.toReversed()) {
      const started = workerdMs();
      for (let time = 0; time < REPEAT; time++) await rank(url, sent);
      const ranked = workerdMs();
      for (let time = 0; time < REPEAT; time++) await post(url, "/none", sent);
      // The first round warms up.
      if (round > 0) sent.times.push((ranked - started - (workerdMs() - ranked)) / REPEAT);
    }
  }
  return forms.map(({ form, body: { length }, times }) => ({
    model: one.name,
    form,
    bytes: length,
    ms: rounded(median(times)),
    saved: rounded(1 - medianRatio(times, forms[0].times)),
  }));
}

/** One context, and candidates whose values repeat as those of items do: the frequent ones more often. */
function listOf(texts: readonly string[], fields: number, names: readonly string[]) {
  const random = new Random(1);
  const own = names.map((_, f): string[] =>
    texts.filter((text) => text !== "" && Number(text.slice(1)) % fields === f),
  );
  const context = Object.fromEntries(names.slice(0, CONTEXT_FIELDS).map((name, f) => [name, own[f][3]]));
  const valueOf = (candidate: number, f: number): string => {
    if (f === CONTEXT_FIELDS) return own[f][candidate];
    const cardinality = CARDINALITIES[f % CARDINALITIES.length];
    return own[f][Math.floor(cardinality * (random.integer(2 ** 20) / 2 ** 20) ** 2)];
  };
  const candidates = Array.from({ length: CANDIDATES }, (_, i) =>
    Object.fromEntries(names.slice(CONTEXT_FIELDS).map((name, f) => [name, valueOf(i, CONTEXT_FIELDS + f)])),
  );
  return { context, candidates, ids: candidates.map((candidate) => candidate[names[CONTEXT_FIELDS]]), k: 100 };
}

async function rank(url: URL, sent: Sent): Promise<string> {
  const response = await post(url, "/v1/rank", sent);
  if (response.status !== 200) throw new Error(`the Worker answered ${response.status}: ${response.text}`);
  return response.text;
}

async function post(url: URL, path: string, { type, body }: Sent): Promise<{ status: number; text: string }> {
  const headers = { "content-type": type };
  const signal = AbortSignal.timeout(60_000);
  const response = await fetch(new URL(path, url), { method: "POST", headers, body, signal });
  return { status: response.status, text: await response.text() };
}
