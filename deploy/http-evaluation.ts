import * as v from "valibot";
import type { FittedSpec } from "../format/fitted-spec.ts";
import { parseWith } from "../format/parse.ts";
import { refuseLabel, toLabel } from "../trainer/data/encode.ts";
import { type RawRecord, rawRecord } from "../trainer/data/raw-record.ts";
import type { ClickLog } from "../trainer/data/read.ts";
import { auc } from "../trainer/metrics/auc.ts";
import { loglossOfScores } from "../trainer/metrics/logloss.ts";
import type { Metrics } from "../trainer/metrics/metrics.ts";
import { startTask } from "../trainer/terminal/progress.ts";

/** What a user of the HTTP API gets: quality and speed, measured through it. */
export interface HttpEvaluation extends Metrics {
  records: number;
  requests: number;
  recordsPerSecond: number;
  kvKeysPerRequest: number;
  /** Rows that scored as out-of-vocabulary because KV did not bring them in time. */
  rowsMissing: number;
}

const RECORDS_PER_REQUEST = 500;
const CONNECTIONS = 2;

const ReplySchema = v.object({
  scores: v.array(v.number()),
  degraded: v.optional(v.object({ rows: v.number() })),
});

/** Scores a whole labelled log over HTTP and compares the answers with its labels. */
export async function evaluate(url: URL, log: ClickLog, fitted: FittedSpec): Promise<HttpEvaluation> {
  const task = startTask("score over HTTP", null, "records");
  const scores: number[] = [];
  const labels: number[] = [];
  let requests = 0;
  let kvKeys = 0;
  let rowsMissing = 0;
  const started = performance.now();

  const send = async (start: number, records: unknown[]): Promise<void> => {
    const response = await fetch(new URL("/v1/score", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ records }),
    });
    if (!response.ok)
      throw new Error(`POST ${url}v1/score: got ${response.status} ${await response.text()}, expected 200`);
    const reply = parseWith(ReplySchema, await response.json(), `POST ${url}v1/score`);
    if (reply.scores.length !== records.length) {
      throw new Error(`POST ${url}v1/score: got ${reply.scores.length} scores, expected ${records.length}`);
    }
    for (let i = 0; i < records.length; i++) scores[start + i] = reply.scores[i] as number;
    requests++;
    kvKeys += Number(/(?:^|, )kv;desc="(\d+)"/.exec(response.headers.get("server-timing") ?? "")?.[1] ?? 0);
    rowsMissing += reply.degraded?.rows ?? 0;
    task.advance(records.length);
  };

  const pending = new Set<Promise<void>>();
  const dispatch = async (start: number, records: unknown[]): Promise<void> => {
    if (pending.size >= CONNECTIONS) await Promise.race(pending);
    const request = send(start, records).finally(() => pending.delete(request));
    pending.add(request);
  };
  let batch: RawRecord[] = [];
  const labelColumn = fitted.fields.length;
  for await (const chunk of log.chunks([...fitted.fields.map(({ name }) => name), fitted.label])) {
    for (let row = 0; row < chunk.rows; row++) {
      batch.push(rawRecord(fitted.fields, chunk.columns, row));
      const label = toLabel(chunk.columns[labelColumn]?.[row]);
      labels.push(label ?? (await refuseLabel(chunk, row, labelColumn, fitted.label)));
      if (batch.length < RECORDS_PER_REQUEST) continue;
      await dispatch(labels.length - batch.length, batch);
      batch = [];
    }
  }
  if (batch.length > 0) await dispatch(labels.length - batch.length, batch);
  await Promise.all(pending);

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
