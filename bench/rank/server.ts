// The Worker as it is deployed, in workerd over KV on this machine, with the ranking case's model and requests for it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publish } from "../../deploy/publish.ts";
import { serve } from "../../deploy/serve.ts";
import { GOLDEN_RECORDS, sealExport } from "../../trainer/export/seal.ts";
import { BENCH_RECORDS, type BenchCase, benchCase, CONTEXT_FIELDS, SHAPES, withOneContext } from "../kernel/cases.ts";
import { withCatalogue } from "../kernel/catalogue.ts";
import type { Way } from "../kernel/contestant.ts";

export interface RankRequest {
  way: Way;
  path: string;
  body: string;
}

export interface RankServer {
  url: URL;
  /** What the model is, in words. */
  text: string;
  /** Asks for the same list in each way. `candidates`: at most RECORDS. */
  requests(candidates: number): RankRequest[];
  stop(): Promise<void>;
}

/** Publishes the model, with int8 rows and layers and a catalogue of all items, and starts the Worker. */
export async function startRankServer(): Promise<RankServer> {
  const one = withOneContext(benchCase(SHAPES[0]));
  const { model } = withCatalogue(one, "int8");
  const recordOf = recordsOf(
    one,
    model.spec.fields.map(({ name }) => name),
  );
  const golden = Array.from({ length: GOLDEN_RECORDS }, (_, r) => recordOf(r, 0, one.fields));
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bench-"));
  try {
    const sealed = await sealExport({ model, pages: [] }, {}, golden);
    await publish(sealed, { remote: false, persistTo: folder });
    const worker = await serve(folder);
    return {
      url: worker.url,
      text: `${one.name}, ${CONTEXT_FIELDS} fields of the context, ${one.fields - CONTEXT_FIELDS} of an item; int8`,
      requests: (candidates) => requestsFor(one, recordOf, candidates),
      async stop() {
        await worker[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Raw values of the fields [from, to) of record r. */
type RecordOf = (r: number, from: number, to: number) => Record<string, string>;

function recordsOf(one: BenchCase, names: readonly string[]): RecordOf {
  return (r, from, to) => Object.fromEntries(names.slice(from, to).map((name, i) => [name, textOf(one, r, from + i)]));
}

function textOf({ rows, fields, texts }: BenchCase, r: number, field: number): string {
  return texts[rows[r * fields + field]];
}

function requestsFor(one: BenchCase, recordOf: RecordOf, candidates: number): RankRequest[] {
  const { fields } = one;
  const list = Array.from({ length: Math.min(candidates, BENCH_RECORDS) }, (_, r) => r);
  const context = recordOf(0, 0, CONTEXT_FIELDS);
  const records = list.map((r) => recordOf(r, 0, fields));
  const items = list.map((r) => textOf(one, r, CONTEXT_FIELDS));
  const rank = (body: object): Omit<RankRequest, "way"> => ({
    path: "/v1/rank",
    body: JSON.stringify({ ...body, sort: false }),
  });
  return [
    { way: "whole", path: "/v1/score", body: JSON.stringify({ records }) },
    { way: "context once", ...rank({ context, candidates: list.map((r) => recordOf(r, CONTEXT_FIELDS, fields)) }) },
    { way: "catalogue", ...rank({ context, items }) },
  ];
}
