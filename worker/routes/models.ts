import type { Context } from "hono";
import type { AppEnv, RouteOptions } from "../app-env.ts";
import type { LoadedModel } from "../models/model-slot.ts";
import { currentModel } from "./current-model.ts";

/** GET /v1/models: what serves in this isolate. */
export function modelsRoute(options: RouteOptions) {
  return async function models(c: Context<AppEnv>): Promise<Response> {
    return c.json({ models: [describe(await currentModel(c, options))] });
  };
}

function describe({ model, version, signer, blobBytes, scorer, variant, loadedAt }: LoadedModel) {
  const { spec, producer, embeddingDim, pageCount, items, evidence, golden } = scorer.manifest;
  return {
    model,
    version,
    producer,
    signer,
    fields: spec.fields.map(({ name, type, side }) => ({ name, type, side })),
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
