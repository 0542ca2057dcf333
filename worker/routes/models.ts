import type { Context } from "hono";
import { partsOf } from "../../format/columns.ts";
import { exampleRecord } from "../../format/example-record.ts";
import type { FittedField } from "../../format/fitted-spec.ts";
import type { AppEnv } from "../app-env.ts";
import { ModelUnavailableError } from "../http/errors.ts";
import { MAX_EXAMPLES } from "../limits.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import type { RouteOptions } from "../route-options.ts";
import { currentModel } from "./current-model.ts";

/**
 * GET /v1/models: what serves in this isolate, the default model first. Who may score sees what a request must say; the
 * rest, which tells of the training and its data, needs the scope admin.
 */
export function modelsRoute(options: RouteOptions) {
  return async function models(c: Context<AppEnv>): Promise<Response> {
    const others = namedModels(options);
    let models: LoadedModel[];
    try {
      const current = await currentModel(c, options);
      models = [current, ...others.filter((other) => !isSame(other, current))];
    } catch (error) {
      if (!(error instanceof ModelUnavailableError) || others.length === 0) throw error;
      models = others;
    }
    const { serving } = options.models;
    const isAdmin = c.var.caller.scope === "admin";
    return c.json({
      models: models.map((model) => ({
        ...summaryOf(model),
        ...(serving && isSame(model, serving) && { default: true }),
        ...(isAdmin && detailsOf(model)),
      })),
    });
  };
}

/** The models that requests have named in this isolate, each version of one once. */
function namedModels({ models }: RouteOptions): LoadedModel[] {
  const found: LoadedModel[] = [];
  for (const { reference, serving } of models.status())
    if (reference !== null && serving && !found.some((other) => isSame(other, serving))) found.push(serving);
  return found;
}

function isSame(a: LoadedModel, b: LoadedModel): boolean {
  return a.model === b.model && a.version === b.version;
}

function summaryOf({ model, version, scorer }: LoadedModel) {
  const { spec, items } = scorer.manifest;
  return {
    ...{ model, version, fields: spec.fields.map(requestedField), example: exampleRecord(spec) },
    ...(items && { items: { field: items.field } }),
  };
}

/** What a client must know of a field: where its value comes from, and what becomes of it. */
function requestedField(field: FittedField) {
  const { name, type, side, from, prepare } = field;
  const cross = partsOf(field);
  return { name, type, side, ...(from && { from }), ...(prepare && { prepare }), ...(cross && { cross }) };
}

function detailsOf({ signer, serial, blobBytes, scorer, memory, variant, loadedAt, since, deadlineMs }: LoadedModel) {
  const { producer, embeddingDim, pageCount, items, evidence, golden } = scorer.manifest;
  return {
    producer,
    ...{ signer, serial },
    embeddingDim,
    pages: pageCount,
    blobBytes,
    memoryBytes: memory.buffer.byteLength,
    since: since === null ? null : new Date(since).toISOString(),
    deadlineMs,
    goldenRecords: golden.records.length,
    examples: golden.records.slice(0, MAX_EXAMPLES).map(({ record }) => record),
    items,
    evidence,
    kernel: variant,
    loadedAt: new Date(loadedAt).toISOString(),
  };
}
