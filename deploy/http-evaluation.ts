import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { FormatError } from "../format/errors.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import { parseJson, parseWith } from "../format/parse.ts";
import { labelOf } from "../format/raw-value.ts";
import { type ClickLog, placed } from "../trainer/data/click-log.ts";
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

/** How often a request that exceeded the rate limit is sent again. */
const RATE_LIMIT_TRIES = 10;

/** What the evaluation needs of an answer. */
const ReplySchema = v.object({
  scores: v.array(v.number()),
  degraded: v.optional(v.object({ rows: v.number(), reason: v.optional(v.string()) })),
});

/** Who is asked. */
export interface HttpServer {
  url: URL;
  /** A bearer token of the scope score, where the server needs one. */
  token?: string;
}

/**
 * Scores a whole labelled log over HTTP, and compares the answers with its labels. Throws UserError where the server
 * cannot be reached or answers with another status than 200, and FormatError where its answer is not what the API
 * promises.
 */
export async function evaluateOverHttp(server: HttpServer, log: ClickLog, fitted: FittedSpec): Promise<HttpEvaluation> {
  refuseNoHeader(server.token);
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
    requests += answer.requests;
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
      try {
        batch.push(rawRecord(fitted.fields, chunk.columns, row));
      } catch (error) {
        throw await placed(chunk, row, error);
      }
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

/** What no header can hold, `fetch` would quote in its error. */
function refuseNoHeader(token: string | undefined): void {
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UserError(`the token: got ${token.length} characters, not all of them printable ASCII without spaces`);
}

interface Answer {
  /** One probability a record. */
  scores: readonly number[];
  requests: number;
  kvKeys: number;
  rowsMissing: number;
}

/**
 * Scores records at /v1/score. Clients send some records at a time, and each request has a budget of keys; so many
 * records as here may exceed it. They are sent again while that brings rows.
 */
async function score(server: HttpServer, records: readonly RawRecord[]): Promise<Answer> {
  let kvKeys = 0;
  let rowsMissing = Number.POSITIVE_INFINITY;
  for (let requests = 1; ; requests++) {
    const reply = await request(server, records);
    kvKeys += reply.kvKeys;
    const { rows, reason } = reply.degraded ?? { rows: 0 };
    const more = reason === "limit" && rows < rowsMissing;
    rowsMissing = rows;
    if (!more) return { scores: reply.scores, requests, kvKeys, rowsMissing };
  }
}

type Reply = v.InferOutput<typeof ReplySchema> & { kvKeys: number };

/** One request to /v1/score, sent again after a while where the client's rate limit is reached. */
async function request({ url: server, token }: HttpServer, records: readonly RawRecord[]): Promise<Reply> {
  const url = new URL("/v1/score", server);
  const place = `POST ${url}`;
  for (let tries = 1; ; tries++) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ records }),
    }).catch((error: Error) => {
      throw new UserError(`${place}: ${error.cause instanceof Error ? error.cause.message : error.message}`);
    });
    const text = await response.text();
    if (response.status === 429 && tries < RATE_LIMIT_TRIES) {
      await sleep(1000 * Number(response.headers.get("retry-after") ?? 1));
      continue;
    }
    if (response.status === 401 || response.status === 403)
      throw new UserError(`${place}: got ${response.status} ${text}, expected 200; --token gives a token`);
    if (!response.ok) throw new UserError(`${place}: got ${response.status} ${text}, expected 200`);
    const reply = parseWith(ReplySchema, parseJson(text, place), place);
    if (reply.scores.length !== records.length)
      throw new FormatError(place, `got ${reply.scores.length} scores, expected ${records.length}`);
    const kvKeys = /(?:^|, )kv;desc="(\d+)"/.exec(response.headers.get("server-timing") ?? "")?.[1];
    return { ...reply, kvKeys: Number(kvKeys ?? 0) };
  }
}
