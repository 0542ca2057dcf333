import type { Context } from "hono";
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
  const { fields } = scorer.manifest.spec;
  return { model, version, fields: fields.map(({ name, type, side }) => ({ name, type, side })) };
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
