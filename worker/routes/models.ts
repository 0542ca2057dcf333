import type { Context } from "hono";
import { partsOf } from "../../format/columns.ts";
import { exampleRecord } from "../../format/example-record.ts";
import type { FittedField } from "../../format/fitted-spec.ts";
import type { AppEnv } from "../app-env.ts";
import type { LoadedModel } from "../models/model-slot.ts";
import type { RouteOptions } from "../route-options.ts";
import { currentModel } from "./current-model.ts";

/**
 * GET /v1/models: what serves in this isolate. Who may score sees what a request must say; the rest, which tells of the
 * training and its data, needs the scope admin.
 */
export function modelsRoute(options: RouteOptions) {
  return async function models(c: Context<AppEnv>): Promise<Response> {
    const current = await currentModel(c, options);
    const details = c.var.caller.scope === "admin" ? detailsOf(current) : {};
    return c.json({ models: [{ ...summaryOf(current), ...details }] });
  };
}

function summaryOf({ model, version, scorer }: LoadedModel) {
  const { spec } = scorer.manifest;
  return { model, version, fields: spec.fields.map(requestedField), example: exampleRecord(spec) };
}

/** What a client must know of a field: where its value comes from, and what becomes of it. */
function requestedField(field: FittedField) {
  const { name, type, side, from, prepare } = field;
  const cross = partsOf(field);
  return { name, type, side, ...(from && { from }), ...(prepare && { prepare }), ...(cross && { cross }) };
}

function detailsOf({ signer, blobBytes, scorer, variant, loadedAt }: LoadedModel) {
  const { producer, embeddingDim, pageCount, items, evidence, golden } = scorer.manifest;
  return {
    producer,
    signer,
    embeddingDim,
    pages: pageCount,
    blobBytes,
    goldenRecords: golden.records.length,
    items,
    evidence,
    kernel: variant,
    loadedAt: new Date(loadedAt).toISOString(),
  };
}
