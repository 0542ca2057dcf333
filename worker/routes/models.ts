import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import type { LoadedModel, ModelStore } from "../models/model-slot.ts";

/** GET /v1/models: what serves in this isolate. */
export function modelsRoute(options: { models: ModelStore }) {
  return async function models(c: Context<AppEnv>): Promise<Response> {
    const keepAlive = (promise: Promise<unknown>): void => c.executionCtx.waitUntil(promise);
    const model = await options.models.current(c.env, keepAlive);
    return c.json({ models: [describe(model)] });
  };
}

function describe({ hash, signer, blobBytes, scorer, variant, loadedAt }: LoadedModel) {
  const { spec, producer, embeddingDim, pageCount, items, evidence, golden } = scorer.manifest;
  return {
    model: hash,
    name: spec.name,
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
