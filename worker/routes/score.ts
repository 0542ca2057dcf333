import type { Context } from "hono";
import * as v from "valibot";
import { FormatError } from "../../format/errors.ts";
import { parseWith } from "../../format/spec.ts";
import type { AppEnv } from "../app-env.ts";
import { readJson } from "../body.ts";
import { MAX_ENTRIES_PER_REQUEST, MAX_RECORDS } from "../limits.ts";
import type { ModelStore } from "../model-store.ts";
import type { RowStore, Shortfall } from "../row-store.ts";
import { serverTiming } from "../server-timing.ts";

const ScoreRequest = v.strictObject({
  // What a record holds is for the model's encoder to judge.
  records: v.pipe(
    v.array(v.unknown()),
    v.check(
      (records) => records.length <= MAX_RECORDS,
      (issue) => `got ${issue.input.length} records, expected at most ${MAX_RECORDS}`,
    ),
  ),
});

interface ScoreResponse {
  /** One probability a record. */
  scores: number[];
  /** SHA-256 of the model's blob. */
  model: string;
  /** Set where rows were missing: so many of the records' values were scored as if never seen. */
  degraded?: { rows: number; reason: Shortfall };
}

/** POST /v1/score */
export function scoreRoute(options: { models: ModelStore; rows: RowStore }) {
  return async function score(c: Context<AppEnv>): Promise<Response> {
    const { records } = parseWith(ScoreRequest, await readJson(c.req.raw), "body");
    const keepAlive = (promise: Promise<unknown>): void => c.executionCtx.waitUntil(promise);
    const { hash, scorer } = await options.models.current(c.env, keepAlive);

    const started = performance.now();
    const located = scorer.locate(scorer.encode(records, MAX_ENTRIES_PER_REQUEST));
    const encoded = performance.now();
    const { pages, keysRead, shortfall } = await options.rows.fetch({
      manifest: scorer.manifest,
      pages: located.pages,
      kv: c.env.MODELS,
      deadlineMs: rowDeadlineMs(c.env),
      keepAlive,
    });
    const fetched = performance.now();
    const { scores, rowsMissing } = scorer.score(located, pages);
    const scored = performance.now();

    refuseNonFinite(scores);
    const body: ScoreResponse = { scores: Array.from(scores), model: hash };
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
  };
}

/** A number like 1e30 passes as a float32, but its square in the FM term does not; JSON would turn the NaN into null. */
function refuseNonFinite(scores: Float32Array): void {
  const at = scores.findIndex((score) => !Number.isFinite(score));
  if (at >= 0) throw new FormatError(`records[${at}]`, "got numbers too large to score, expected a finite score");
}

function rowDeadlineMs(env: Env): number {
  // A variable set in the dashboard is text.
  const ms = Number(env.ROW_DEADLINE_MS);
  if (!(ms >= 0)) throw new Error(`ROW_DEADLINE_MS: got ${env.ROW_DEADLINE_MS}, expected milliseconds`);
  return ms;
}
