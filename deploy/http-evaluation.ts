import * as v from "valibot";
import { FormatError } from "../format/errors.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import { parseJson, parseWith } from "../format/parse.ts";
import { labelOf } from "../format/raw-value.ts";
import type { ClickLog } from "../trainer/data/click-log.ts";
import { refuseLabel } from "../trainer/data/encode.ts";
import { type RawRecord, rawRecord } from "../trainer/data/raw-record.ts";
import { UserError } from "../trainer/errors.ts";
import { auc } from "../trainer/metrics/auc.ts";
import { loglossOfScores } from "../trainer/metrics/logloss.ts";
import type { Metrics } from "../trainer/metrics/metrics.ts";
import { startTask } from "../trainer/terminal/progress.ts";

/** The quality and the speed that a client of the HTTP API sees. */
export interface HttpEvaluation extends Metrics {
  records: number;
  requests: number;
  recordsPerSecond: number;
  kvKeysPerRequest: number;
  /** Rows that KV did not deliver in time, in whose place the fields' OOV rows were scored. */
  rowsMissing: number;
}

const RECORDS_PER_REQUEST = 500;
/** Requests that are sent at the same time. */
const CONNECTIONS = 2;

/** What the evaluation needs of an answer. */
const ReplySchema = v.object({
  scores: v.array(v.number()),
  degraded: v.optional(v.object({ rows: v.number() })),
});

/**
 * Scores a whole labelled log over HTTP, and compares the answers with its labels. Throws UserError where the server
 * cannot be reached or answers with another status than 200, and FormatError where its answer is not what the API
 * promises.
 */
export async function evaluateOverHttp(server: URL, log: ClickLog, fitted: FittedSpec): Promise<HttpEvaluation> {
  using task = startTask("score over HTTP", null, "records");
  const scores: number[] = [];
  const labels: number[] = [];
  let requests = 0;
  let kvKeys = 0;
  let rowsMissing = 0;
  const started = performance.now();

  const send = async (start: number, records: readonly RawRecord[]): Promise<void> => {
    const answer = await score(server, records);
    answer.scores.forEach((p, i) => {
      scores[start + i] = p;
    });
    requests++;
    kvKeys += answer.kvKeys;
    rowsMissing += answer.rowsMissing;
    task.advance(records.length);
  };

  const pending = new Set<Promise<void>>();
  /** What the first request that failed was rejected with. It may fail while nothing waits for it. */
  let failure: unknown = null;
  const dispatch = async (start: number, records: readonly RawRecord[]): Promise<void> => {
    if (pending.size >= CONNECTIONS) await Promise.race(pending);
    if (failure !== null) throw failure;
    const request = send(start, records)
      .catch((error) => {
        failure ??= error;
      })
      .finally(() => pending.delete(request));
    pending.add(request);
  };
  let batch: RawRecord[] = [];
  const labelColumn = fitted.fields.length;
  for await (const chunk of log.chunks([...fitted.fields.map(({ name }) => name), fitted.label])) {
    for (let row = 0; row < chunk.rows; row++) {
      batch.push(rawRecord(fitted.fields, chunk.columns, row));
      const label = labelOf(chunk.columns[labelColumn]?.[row]);
      labels.push(label ?? (await refuseLabel(chunk, row, labelColumn, fitted.label)));
      if (batch.length < RECORDS_PER_REQUEST) continue;
      await dispatch(labels.length - batch.length, batch);
      batch = [];
    }
  }
  if (batch.length > 0) await dispatch(labels.length - batch.length, batch);
  await Promise.all(pending);
  if (failure !== null) throw failure;

  const seconds = (performance.now() - started) / 1000;
  task.done();
  const truth = Uint8Array.from(labels);
  const answers = Float64Array.from(scores);
  return {
    auc: auc(answers, truth),
    logloss: loglossOfScores(answers, truth),
    records: labels.length,
    requests,
    recordsPerSecond: labels.length / seconds,
    kvKeysPerRequest: kvKeys / requests,
    rowsMissing,
  };
}

interface Answer {
  /** One probability a record. */
  scores: readonly number[];
  kvKeys: number;
  rowsMissing: number;
}

/** One request to /v1/score. */
async function score(server: URL, records: readonly RawRecord[]): Promise<Answer> {
  const url = new URL("/v1/score", server);
  const place = `POST ${url}`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ records }),
  }).catch((error: Error) => {
    throw new UserError(`${place}: ${error.cause instanceof Error ? error.cause.message : error.message}`);
  });
  const text = await response.text();
  if (!response.ok) throw new UserError(`${place}: got ${response.status} ${text}, expected 200`);
  const { scores, degraded } = parseWith(ReplySchema, parseJson(text, place), place);
  if (scores.length !== records.length)
    throw new FormatError(place, `got ${scores.length} scores, expected ${records.length}`);
  const kvKeys = /(?:^|, )kv;desc="(\d+)"/.exec(response.headers.get("server-timing") ?? "")?.[1];
  return { scores, kvKeys: Number(kvKeys ?? 0), rowsMissing: degraded?.rows ?? 0 };
}
