import type { Context } from "hono";
import { FormatError } from "../../format/errors.ts";
import type { Page } from "../../format/page.ts";
import type { LocatedRecords, Scorer, Scores } from "../../runtime/scorer.ts";
import type { AppEnv } from "../app-env.ts";
import { serverTiming } from "../http/server-timing.ts";
import type { ModelStore } from "../models/model-slot.ts";
import type { RowStore, Shortfall } from "../rows/row-store.ts";

/** What the routes that score have in common. */
export interface ScoringOptions {
  models: ModelStore;
  rows: RowStore;
}

/** What a request asks for: records whose rows are known as far as the blob has them, and the kernel's part. */
export interface Scoring {
  located: LocatedRecords;
  run(pages: ReadonlyMap<number, Page>): Scores;
  /** Where score i comes from in the body, for an error. */
  place(i: number): string;
}

interface ScoresResponse {
  /** One probability a record, candidate or item. */
  scores: number[];
  /** SHA-256 of the model's blob. */
  model: string;
  /** Set where rows were missing: so many of the request's values were scored as if never seen. */
  degraded?: { rows: number; reason: Shortfall };
}

/** Takes a request from its parsed body to its response: encoding (`ask`), pages from KV, the kernel. */
export async function answer(
  c: Context<AppEnv>,
  { models, rows }: ScoringOptions,
  ask: (scorer: Scorer) => Scoring,
): Promise<Response> {
  const keepAlive = (promise: Promise<unknown>): void => c.executionCtx.waitUntil(promise);
  const { hash, scorer } = await models.current(c.env, keepAlive);

  const started = performance.now();
  const { located, run, place } = ask(scorer);
  const encoded = performance.now();
  const { pages, keysRead, shortfall } = await rows.fetch({
    manifest: scorer.manifest,
    pages: located.pages,
    kv: c.env.MODELS,
    deadlineMs: rowDeadlineMs(c.env),
    keepAlive,
  });
  const fetched = performance.now();
  const { scores, rowsMissing } = run(pages);
  const scored = performance.now();

  refuseNonFinite(scores, place);
  const body: ScoresResponse = { scores: Array.from(scores), model: hash };
  if (rowsMissing > 0 && shortfall) body.degraded = { rows: rowsMissing, reason: shortfall };
  c.header(
    "server-timing",
    serverTiming({
      kvKeys: keysRead,
      encode: encoded - started,
      rows: fetched - encoded,
      kernel: scored - fetched,
    }),
  );
  return c.json(body);
}

/** A number like 1e30 passes as a float32, but its square in the FM term does not; JSON would turn the NaN into null. */
function refuseNonFinite(scores: Float32Array, place: (i: number) => string): void {
  const at = scores.findIndex((score) => !Number.isFinite(score));
  if (at >= 0) throw new FormatError(place(at), "got numbers too large to score, expected a finite score");
}

function rowDeadlineMs(env: Env): number {
  // A variable set in the dashboard is text.
  const ms = Number(env.ROW_DEADLINE_MS);
  if (!(ms >= 0)) throw new Error(`ROW_DEADLINE_MS: got ${env.ROW_DEADLINE_MS}, expected milliseconds`);
  return ms;
}
