import * as v from "valibot";
import { columnsOf } from "../format/columns.ts";
import { counted } from "../format/counted.ts";
import { FormatError } from "../format/errors.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import { parseJsonBytes, parseWith } from "../format/parse.ts";
import { labelOf } from "../format/raw-value.ts";
import type { FeatureSpec } from "../format/spec.ts";
import { type ClickLog, placed } from "../trainer/data/click-log.ts";
import { refuseLabel, refuseWeight, weightOf } from "../trainer/data/encode.ts";
import { checkSampleWeights, countLabels } from "../trainer/data/label-counts.ts";
import { noRows } from "../trainer/data/logs.ts";
import { type RawRecord, rawRecord } from "../trainer/data/raw-record.ts";
import { UserError } from "../trainer/errors.ts";
import { auc } from "../trainer/metrics/auc.ts";
import { loglossOfScores } from "../trainer/metrics/logloss.ts";
import type { Metrics } from "../trainer/metrics/metrics.ts";
import { startTask } from "../trainer/terminal/progress.ts";
import { excerpt, type HttpAnswer, type HttpRequest, placeOf, request } from "./http-request.ts";

/** The quality and the speed that a client of the HTTP API sees; NaN where a metric does not exist. */
export interface HttpEvaluation extends Metrics {
  records: number;
  requests: number;
  recordsPerSecond: number;
  kvKeysPerRequest: number;
  /** Rows that KV did not deliver in time, in whose place the fields' OOV rows were scored. */
  rowsMissing: number;
  /** What the answers say that scored, `name@version`, each once. */
  scoredBy: string[];
}

const RECORDS_PER_REQUEST = 500;
/** Requests that are sent at the same time. */
const CONNECTIONS = 2;
/** Milliseconds for one answer: a cold Worker loads its model first. */
const DEADLINE_MS = 60_000;
/** Bytes of the longest answer; a score takes at most 25. */
const LONGEST_ANSWER = 2 ** 20;

/** What the evaluation needs of an answer. Another server may give logits, of which no logloss can be made. */
const ReplySchema = v.object({
  scores: v.array(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  model: v.optional(v.string()),
  version: v.optional(v.string()),
  degraded: v.optional(v.object({ rows: v.pipe(v.number(), v.minValue(0)), reason: v.optional(v.string()) })),
});

/** Who is asked. */
export interface HttpServer {
  /** The address below which the Worker's routes are. */
  url: URL;
  /** A bearer token of the scope score, where the server needs one. */
  token?: string;
  /** The model that requests name, as `name` or `name@version`. Default: the server's, which they do not name. */
  model?: string;
}

interface EvaluationOptions extends Pick<Partial<HttpRequest>, "deadline" | "firstWait"> {
  /** What the model learned by. With the in-batch loss there is no AUC or logloss: scores are no probabilities. */
  loss?: FeatureSpec["training"]["loss"];
}

/** A request to /v1/score without its body, and the model that it names. */
interface Scoring extends Omit<HttpRequest, "body"> {
  model: string | undefined;
}

/**
 * Scores a whole labeled log over HTTP, and compares the answers with its labels, by its sample weights. Throws
 * UserError where the server cannot be reached, gives no answer in time or another status than 200, and FormatError
 * where its answer is not what the API promises, or the log has no record, or none with a weight above 0.
 */
export async function evaluateOverHttp(
  { url, token, model }: HttpServer,
  log: ClickLog,
  fitted: FittedSpec,
  { loss = "logistic", ...patience }: EvaluationOptions = {},
): Promise<HttpEvaluation> {
  refuseNoHeader(token);
  using task = startTask("score over HTTP", null, "record");
  const end = new AbortController();
  const scoring: Scoring = {
    model,
    url: new URL("v1/score", `${url.origin}${url.pathname.replace(/\/*$/, "/")}`),
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    deadline: DEADLINE_MS,
    longest: LONGEST_ANSWER,
    signal: end.signal,
    onRetry: (why, seconds) => {
      retries++;
      task.advance(0, `${why}; again in ${seconds.toFixed(1)} s`);
    },
    ...patience,
  };
  const scores: number[] = [];
  const labels: number[] = [];
  const weights: number[] = [];
  let requests = 0;
  let retries = 0;
  let kvKeys = 0;
  let rowsMissing = 0;
  const scoredBy = new Set<string>();
  const started = performance.now();

  const send = async (start: number, records: readonly RawRecord[]): Promise<void> => {
    const answer = await score(scoring, records);
    answer.scores.forEach((p, i) => {
      scores[start + i] = p;
    });
    requests += answer.requests;
    kvKeys += answer.kvKeys;
    rowsMissing += answer.rowsMissing;
    for (const version of answer.scoredBy) scoredBy.add(version);
    task.advance(records.length, "");
  };

  const pending = new Set<Promise<void>>();
  /** What the first request that failed was rejected with. It may fail while nothing waits for it. */
  let failure: unknown = null;
  const dispatch = async (start: number, records: readonly RawRecord[]): Promise<void> => {
    if (pending.size >= CONNECTIONS) await Promise.race(pending);
    if (failure !== null) throw failure;
    const sent = send(start, records)
      .catch((error) => {
        failure ??= error;
      })
      .finally(() => pending.delete(sent));
    pending.add(sent);
  };
  const names = columnsOf(fitted.fields);
  const labelColumn = names.length;
  const { weight } = log.options.data;
  try {
    let batch: RawRecord[] = [];
    for await (const chunk of log.chunks([...names, fitted.label, ...(weight === undefined ? [] : [weight])])) {
      for (let row = 0; row < chunk.rows; row++) {
        try {
          batch.push(rawRecord(names, chunk.columns, row));
        } catch (error) {
          throw await placed(chunk, row, error);
        }
        const label = labelOf(chunk.columns[labelColumn]?.[row], log.readNumber);
        labels.push(label ?? (await refuseLabel(log, chunk, row, labelColumn, fitted.label)));
        if (weight !== undefined)
          weights.push(
            weightOf(chunk.columns[labelColumn + 1]?.[row], log.readNumber) ??
              (await refuseWeight(log, chunk, row, labelColumn + 1, weight)),
          );
        if (batch.length < RECORDS_PER_REQUEST) continue;
        await dispatch(labels.length - batch.length, batch);
        batch = [];
      }
    }
    if (batch.length > 0) await dispatch(labels.length - batch.length, batch);
    while (pending.size > 0 && failure === null) await Promise.race(pending);
    if (failure !== null) throw failure;
  } finally {
    end.abort(); // nothing waits for the requests that an error left behind
  }

  const seconds = (performance.now() - started) / 1000;
  task.done(retries === 0 ? "" : `${counted(retries, "request")} sent again`);
  const truth = Uint8Array.from(labels);
  const answers = Float64Array.from(scores);
  const byWeight = weight === undefined ? undefined : Float64Array.from(weights);
  if (labels.length === 0) throw noRows(log.path, log.options.part);
  checkSampleWeights(log.path, { label: fitted.label, data: log.options.data }, countLabels(truth, byWeight));
  return {
    auc: loss === "logistic" ? auc(answers, truth, byWeight) : Number.NaN,
    logloss: loss === "logistic" ? loglossOfScores(answers, truth, byWeight) : Number.NaN,
    records: labels.length,
    requests,
    recordsPerSecond: labels.length / seconds,
    kvKeysPerRequest: kvKeys / requests,
    rowsMissing,
    scoredBy: [...scoredBy],
  };
}

/** What no header can hold, `fetch` would quote in its error. */
function refuseNoHeader(token: string | undefined): void {
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UserError(
      `the token: got ${counted(token.length, "character")}, not all of them printable ASCII without spaces`,
    );
}

interface Answer {
  /** One probability a record. */
  scores: readonly number[];
  requests: number;
  kvKeys: number;
  rowsMissing: number;
  /** What scored, `name@version`; nothing where the answers do not say. */
  scoredBy: ReadonlySet<string>;
}

/**
 * Scores records at /v1/score. Clients send some records at a time, and each request has a budget of keys; so many
 * records as here may exceed it. They are sent again while that brings rows.
 */
async function score(scoring: Scoring, records: readonly RawRecord[]): Promise<Answer> {
  let kvKeys = 0;
  let rowsMissing = Number.POSITIVE_INFINITY;
  const scoredBy = new Set<string>();
  for (let requests = 1; ; requests++) {
    const reply = await scoreOnce(scoring, records);
    kvKeys += reply.kvKeys;
    if (reply.model !== undefined && reply.version !== undefined) scoredBy.add(`${reply.model}@${reply.version}`);
    const { rows, reason } = reply.degraded ?? { rows: 0 };
    const more = reason === "limit" && rows < rowsMissing;
    rowsMissing = rows;
    if (!more) return { scores: reply.scores, requests, kvKeys, rowsMissing, scoredBy };
  }
}

type Reply = v.InferOutput<typeof ReplySchema> & { kvKeys: number };

/** One request to /v1/score. */
async function scoreOnce({ model, ...scoring }: Scoring, records: readonly RawRecord[]): Promise<Reply> {
  const place = placeOf(scoring);
  const answer = await request({ ...scoring, body: JSON.stringify({ records, ...(model && { model }) }) });
  if (answer.status !== 200) throw new UserError(`${place}: ${refusal(answer)}`);
  const type = answer.headers.get("content-type");
  if (type !== null && !/\bjson\b/.test(type))
    throw new UserError(`${place}: got an answer of type ${type}, expected application/json; ${IS_IT}`);
  const reply = parseWith(ReplySchema, parseJsonBytes(answer.body, place), place);
  if (reply.scores.length !== records.length)
    throw new FormatError(place, `got ${counted(reply.scores.length, "score")}, expected ${records.length}`);
  const kvKeys = /(?:^|, )kv;desc="(\d+)"/.exec(answer.headers.get("server-timing") ?? "")?.[1];
  return { ...reply, kvKeys: Number(kvKeys ?? 0) };
}

const IS_IT = "is this the address of the Worker?";

/** What another status than 200 means, and what to do. */
function refusal(answer: HttpAnswer): string {
  const { status, headers } = answer;
  const location = headers.get("location");
  if (status >= 300 && status < 400 && location !== null)
    return `got ${status} to ${location}, expected 200; evaluate that address`;
  const got = `${`got ${status} ${excerpt(answer)}`.trimEnd()}, expected 200`;
  if (status === 401 || status === 403) return `${got}; --token gives a token`;
  if (headers.get("content-type") === "application/problem+json") {
    if (status === 422) return `${got}; --model names another model than the Worker's default one`;
  } else if (status === 404 || status === 405) return `${got}; ${IS_IT}`;
  const later = headers.get("retry-after");
  return later === null ? got : `${got}; it may be asked again after ${later} s`;
}
