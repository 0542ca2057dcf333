import type { FittedSpec } from "../../format/fitted-spec.ts";
import { parsed } from "../../runtime/unparsed.ts";
import type { VisitorRequest } from "../experiments/visitor.ts";
import type { ReadableBody, ReadBody, Refuse } from "../http/body.ts";
import { RateLimitError } from "../http/errors.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { settledWithin } from "../http/promises.ts";
import { LOAD_WAIT_MS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { ModelAccess } from "../models/model-store.ts";
import type { RouteOptions } from "../route-options.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import type { Shortfall } from "../rows/row-store.ts";
import { throwFaults } from "../scoring/request-faults.ts";
import { type ScoreRequest, type ScoreResult, scoreRequest } from "../scoring/score-request.ts";
import { unseenByField } from "../scoring/unseen-by-field.ts";
import { type AskedList, arrangedAnswer, type OfExperiments } from "./arranged-answer.ts";
import {
  type ChosenModel,
  chosenBy,
  chosenModel,
  type Fallback,
  type ModelChoice,
  orderFallback,
} from "./model-choice.ts";

/** What an answer says beside its scores. */
interface AboutAnswer {
  /** The model's name. */
  model: string;
  /** What names the model's blob, 64 hex digits. */
  version: string;
  /** Set where the request named another model, which could not score it. */
  fallback?: Fallback;
  /** Set where the model that was deployed with the Worker scored it, as the published one is not there. */
  bundled?: true;
  /** Set where rows were missing: so many of the request's values were scored as if never seen. */
  degraded?: { rows: number; reason: Shortfall };
  /** Set where the request asks for it. By field, without those that have none: values that were never seen. */
  unseen?: Record<string, number>;
}

/** What is to be scored, and what the answer is to say of it. */
export type AskedRequest = ScoreRequest &
  ModelChoice & {
    /** Whether it counts unseen values. */
    unseen?: boolean | undefined;
    /** What it has in place of the scores in the order of the request. */
    answerOf?: (result: ScoreResult, spec: FittedSpec) => object;
    /**
     * What it has where no model can score it now and the request allows that; without scores. Throws BodyError where
     * the body is not JSON.
     */
    inOrder?: () => object;
    /** Set where it names a list of an experiment. */
    list?: AskedList | undefined;
  };

/** Reads from a request's body what is to be scored. */
export type ReadRequest = (body: ReadableBody, lease: Lease, refuse: Refuse) => Promise<ReadBody<AskedRequest>>;

/** A request that asks for scores, whichever way it came. */
export interface Call {
  /** The bindings. */
  env: object;
  /** What rate limits count. */
  client: string;
  /** What came by HTTP; null: nothing did, so that only its context says who it is from. */
  request: Request | null;
  keepAlive: KeepAlive;
  /** Throws BodyError where the body cannot be one. It is called once the request may be read. */
  openBody: () => ReadableBody;
}

/** What a request is answered. */
export interface Answered {
  body: object;
  /** What the body is made of; null where no model scored it. */
  result: ScoreResult | null;
  /** Headers `set-cookie`. */
  cookies?: readonly string[];
}

/** Scores what a request asks for, and makes the answer's body. All its memory is of one lease. */
export async function answered(call: Call, options: RouteOptions, read: ReadRequest): Promise<Answered> {
  const { env, client, keepAlive, openBody } = call;
  const settings = options.settings.read(env);
  const { source, rowRateLimit, requestRateLimit } = settings;
  const { models } = options;
  if (requestRateLimit && !(await chargeTo(requestRateLimit, client)(1)))
    throw new RateLimitError("got more requests than this client may send in a minute; try again later");
  const body = openBody();
  // Only the body says which model is wanted. But as long as an isolate loads its first, no other body need be held.
  if (models.firstLoad) await settledWithin(models.firstLoad, LOAD_WAIT_MS);
  const lease = options.memory.lease("requests");
  let isKept = false;
  let asked: AskedRequest | null = null;
  let cookies: readonly string[] = [];
  try {
    const request = await read(body, lease, (found, wrong) => {
      const judge = models.servingFor(chosenBy(wrong));
      return throwFaults(found, wrong, judge?.scorer.manifest ?? null, lease);
    });
    asked = request.body;
    const parsingMs = performance.now() - request.arrivedAt;
    const charge = rowRateLimit && chargeTo(rowRateLimit, client);
    const { keys, leastSerials, bundled } = settings;
    const access = { source, keys, leastSerials, bundled, charge, keepAlive, lease };
    const { list } = asked;
    const found = list && (await ofExperiments(asked, list, call, options, access, parsingMs));
    if (found) cookies = found.cookies;
    const answer = found?.answer;
    if (answer) {
      isKept = answer.after !== null;
      if (answer.after) afterAnswer(answer.after, lease, keepAlive);
      return { ...answer, cookies };
    }
    const { model, fallback } = await chosenModel(models, asked, access);
    const result = await scoreRequest(asked, {
      model,
      rows: options.rows,
      source,
      // What was computed since the body came is taken from the time for rows, but not the wait for the model.
      deadlineMs: (model.deadlineMs ?? settings.rowDeadlineMs) - parsingMs,
      maxKeys: settings.rowKeysPerRequest,
      charge,
      keepAlive,
      lease,
      release: request.release,
    });
    return { body: bodyOf(options, asked, { model, fallback, result }), result, cookies };
  } catch (error) {
    const fallback = asked && orderFallback(asked, error);
    if (!fallback || !asked?.inOrder) throw error;
    const inOrder = asked.inOrder();
    models.fallbacks.order++;
    return { body: { ...inOrder, fallback }, result: null, cookies };
  } finally {
    if (!isKept) lease.end();
  }
}

function ofExperiments(
  asked: AskedRequest,
  list: AskedList,
  { env, request }: Call,
  options: RouteOptions,
  access: ModelAccess,
  spentMs: number,
): Promise<OfExperiments> {
  const settings = options.settings.read(env);
  const { rowDeadlineMs, rowKeysPerRequest: maxKeys } = settings;
  const visitor: VisitorRequest = {
    headers: request?.headers ?? null,
    method: request?.method ?? "POST",
    url: request?.url ?? null,
    context: "context" in asked ? parsed(asked.context) : null,
  };
  const call = { env, visitor, settings, access: { ...access, rowDeadlineMs, spentMs, maxKeys } };
  return arrangedAnswer(asked, list, call, options);
}

/** Does what is left to do with the memory of a request, which it then gives back. */
function afterAnswer(after: () => Promise<void>, lease: Lease, keepAlive: KeepAlive): void {
  keepAlive(after().finally(() => lease.end()));
}

/** Counts a request that was scored, and makes its answer's body. */
function bodyOf(
  options: RouteOptions,
  { answerOf = scoresOf, unseen }: AskedRequest,
  { model, fallback, result }: ChosenModel & { result: ScoreResult },
): object {
  if (result.missing) options.degraded.add({ model: result.model, ...result.missing });
  const { spec } = model.scorer.manifest;
  options.counters.add(result, spec);
  const { fallbacks } = options.models;
  if (fallback) fallbacks.default++;
  if (model.bundled) fallbacks.bundled++;
  return { ...answerOf(result, spec), ...aboutAnswer(result, { model, fallback }, unseen ? spec : null) };
}

function scoresOf({ scores }: ScoreResult): { scores: number[] } {
  // Array.from takes as long as the JSON of the numbers.
  const list: number[] = new Array(scores.length);
  for (let i = 0; i < scores.length; i++) list[i] = scores[i] as number;
  return { scores: list };
}

/** What every answer says. `unseenOf`: the spec whose fields' unseen values are shown; null: they are not. */
function aboutAnswer(
  { model, version, missing, unseen }: ScoreResult,
  { model: { bundled }, fallback }: ChosenModel,
  unseenOf: FittedSpec | null,
): AboutAnswer {
  const about: AboutAnswer = { model, version };
  if (fallback) about.fallback = fallback;
  if (bundled) about.bundled = bundled;
  if (missing) about.degraded = missing;
  if (unseenOf) about.unseen = unseenByField(unseen, unseenOf);
  return about;
}
