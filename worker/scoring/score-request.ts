import { FormatError, RequestError } from "../../format/errors.ts";
import type { PageRows } from "../../runtime/batch-filler.ts";
import type { DirectScores } from "../../runtime/direct-scorer.ts";
import { type EncodingLimits, LimitError, type Listed } from "../../runtime/encoding-limits.ts";
import type { Explanation } from "../../runtime/explanation.ts";
import type { LocatedRecords } from "../../runtime/row-locator.ts";
import { giveBack } from "../../runtime/rows/give-back.ts";
import type { Scorer } from "../../runtime/scorer.ts";
import type { Scores } from "../../runtime/scores.ts";
import { parsed } from "../../runtime/unparsed.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { MAX_ENTRIES_PER_REQUEST, MAX_ERRORS, MAX_PAGES_WANTED } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { LoadedModel } from "../models/loaded-model.ts";
import type { Charge } from "../rows/key-allowance.ts";
import type { RowStore, Rows, Shortfall } from "../rows/row-store.ts";
import type { Source } from "../source/source.ts";
import { explanationBytes } from "./explained.ts";
import { throwFaults } from "./request-faults.ts";

/**
 * What is to be scored: whole records, which may be explained, or one context, which may be Unparsed, with its
 * candidates or with the ids of items of the catalogue.
 */
export type ScoreRequest =
  | { records: Listed<unknown>; explain?: boolean }
  | { context: unknown; candidates: Listed<unknown> }
  | { context: unknown; items: Listed<unknown> };

/** What a request is scored with. */
export interface ScoreOptions {
  model: Pick<LoadedModel, "model" | "version" | "scorer">;
  rows: RowStore;
  /** Where the model's pages are. */
  source: Source;
  /** Milliseconds after which pages are late. */
  deadlineMs: number;
  /** Pages that may be asked of the source. */
  maxKeys: number;
  /** Null: nothing limits the client. */
  charge: Charge | null;
  keepAlive: KeepAlive;
  /** Takes the memory that the request needs. */
  lease: Lease;
  /** Called once the lists of the request are encoded and not needed any more. */
  release?: () => void;
}

export interface ScoreResult {
  /** A probability for each record, candidate or item, in their order. */
  scores: Float32Array;
  logits: Float32Array;
  /** The model's name. */
  model: string;
  /** What names the model's blob, 64 hex digits. */
  version: string;
  /** Where the request asks for them: what each record's logit is the sum of. */
  explanations?: Explanation[];
  /** Set where pages were missing: so many of the request's values were scored as if never seen. */
  missing: { rows: number; reason: Shortfall } | null;
  /** [F]: how many of the request's values of each field no row of the model is of. */
  unseen: Uint32Array;
  /** Pages that were read from the source: the keys that KV bills. */
  pagesRead: number;
  /** Pages that were found in the cache of the location, which bills nothing. */
  pagesNearby: number;
  /** Where the rows of the request's values were found. */
  rowsFound: RowsFound;
  timings: ScoreTimings;
}

/**
 * Numbers of values, by where their rows were found, and of items of a catalogue of entries, by where their records
 * were. Those that no row is of are not here.
 */
export interface RowsFound {
  /** In the blob. */
  blob: number;
  /** Among the rows that the isolate has cached. */
  isolate: number;
  /** In pages that were read from the source for this request, or for others at the same time. */
  source: number;
}

/**
 * Milliseconds that the steps of a request took. In a deployed Worker clocks stand still while code computes, so there
 * `encode` and `kernel` are 0.
 */
export interface ScoreTimings {
  /** Encoding the records and looking them up among the blob's rows. */
  encode: number;
  /** Waiting for rows. */
  rows: number;
  /** Running the scoring kernel. */
  kernel: number;
}

/**
 * Scores a request: encodes it, reads pages from the source, and runs the kernel. Throws RequestError, with a place
 * such as `records[3].age`, where the request breaks the model's contract or has too many values, RateLimitError where
 * the client may not read the rows, and OverloadedError where there is no memory. A page that cannot be had is no
 * error: `missing` counts the values that it would have had.
 */
export async function scoreRequest(request: ScoreRequest, options: ScoreOptions): Promise<ScoreResult> {
  const { model, rows, lease, release } = options;
  const { scorer } = model;
  const started = performance.now();
  // The model was waited for.
  lease.refuseEnded();
  const direct = scoreDirectly(request, scorer, rows, lease);
  if (direct) return directResult(request, direct, model, performance.now() - started);
  const { located, run } = encodeOrRefuse(request, scorer, rows, lease);
  const { offsets, keys, values } = located.encoded;
  lease.defer(() => giveBack(offsets, keys, values, located.addresses));
  release?.();
  lease.resize(lease.bytes + RESULT_BYTES * located.encoded.count);
  const encoded = performance.now();
  // Of a request that waits, the runtime would else drop the rest when the client leaves.
  if (located.pages.size > 0) options.keepAlive(lease.untilEnd());
  // Without an await where no page is needed: cached rows are good until other requests add some.
  using fetchedRows =
    located.pages.size > 0
      ? await rows.fetch({
          ...{ ...options, manifest: scorer.manifest, version: model.version, located },
          // Encoding takes from the time for rows: several milliseconds where an isolate's code is not compiled yet.
          deadlineMs: Math.max(0, options.deadlineMs - (encoded - started)),
        })
      : NO_PAGES_NEEDED;
  const { pages, pagesRead, pagesNearby, shortfall } = fetchedRows;
  const fetched = located.pages.size > 0 ? performance.now() : encoded;
  lease.refuseEnded();
  const { scores, logits, rowsMissing, rowsFromPages, unseen, explanations } = run(pages);
  const scored = performance.now();

  // A logit that float32 cannot hold has a score, and is no sum of terms.
  if (explanations) refuseNonFinite(logits, "logit", request);
  else refuseNonFinite(scores, "score", request);
  return {
    scores,
    logits,
    ...(explanations && { explanations }),
    model: model.model,
    version: model.version,
    missing: rowsMissing > 0 ? { rows: rowsMissing, reason: shortfall ?? "limit" } : null,
    unseen,
    pagesRead,
    pagesNearby,
    rowsFound: { blob: located.blobCount, isolate: located.keptCount + located.itemsKept, source: rowsFromPages },
    timings: { encode: encoded - started, rows: fetched - encoded, kernel: scored - fetched },
  };
}

/** Scores a request whose records are simple and whose rows are all at hand; null: for all others. */
function scoreDirectly(request: ScoreRequest, scorer: Scorer, rows: RowStore, lease: Lease): DirectScores | null {
  if ("items" in request || ("records" in request && request.explain)) return null;
  const list = "records" in request ? request.records : request.candidates;
  const { manifest } = scorer;
  const records = list.length + ("records" in request ? 0 : 1);
  if (records * manifest.spec.fields.length > MAX_ENTRIES_PER_REQUEST) return null;
  const held = lease.bytes;
  lease.resize(held + RESULT_BYTES * list.length);
  const cached = rows.cached(manifest);
  let scores: DirectScores | null = null;
  try {
    if ("records" in request) scores = scorer.scoreDirectly(list, cached);
    else scores = scorer.rankDirectly(request.context, list, cached);
  } catch (error) {
    // What is wrong with the context is said with all else that is wrong.
    if (!(error instanceof FormatError)) throw error;
  }
  if (!scores) lease.resize(held);
  return scores;
}

function directResult(
  request: ScoreRequest,
  { scores, logits, unseen, blobCount: blob, keptCount: isolate, kernelMs }: DirectScores,
  { model, version }: ScoreOptions["model"],
  ms: number,
): ScoreResult {
  refuseNonFinite(scores, "score", request);
  return {
    ...{ scores, logits, model, version, missing: null, unseen, pagesRead: 0, pagesNearby: 0 },
    rowsFound: { blob, isolate, source: 0 },
    timings: { encode: ms - kernelMs, rows: 0, kernel: kernelMs },
  };
}

const NO_PAGES_NEEDED: Rows = {
  pages: new Map(),
  pagesRead: 0,
  pagesNearby: 0,
  shortfall: null,
  [Symbol.dispose]() {},
};

/**
 * An encoded request, whose rows are looked up in the blob and among those that are cached, and what scores it once the
 * pages are there.
 */
interface EncodedRequest {
  located: LocatedRecords;
  run(pages: ReadonlyMap<number, PageRows>): Scores & { explanations?: Explanation[] };
}

/** Bytes of memory of a record's results: a logit and a score, and the score as a number and as text in the answer. */
const RESULT_BYTES = 64;

/** Throws all that is wrong with a request, and not the first fault alone; of one that is too much, only that. */
function encodeOrRefuse(request: ScoreRequest, scorer: Scorer, rows: RowStore, lease: Lease): EncodedRequest {
  try {
    return encode(request, scorer, rows, lease);
  } catch (error) {
    if (error instanceof LimitError) RequestError.throwAll([error]);
    if (error instanceof FormatError) throwFaults([error], request, scorer.manifest, lease);
    throw error;
  }
}

function encode(request: ScoreRequest, scorer: Scorer, rows: RowStore, lease: Lease): EncodedRequest {
  const held = lease.bytes;
  const cached = rows.cached(scorer.manifest);
  const limits: EncodingLimits = {
    maxEntries: MAX_ENTRIES_PER_REQUEST,
    maxCells: MAX_ENTRIES_PER_REQUEST,
    maxPages: MAX_PAGES_WANTED,
    reserve: (bytes) => lease.resize(held + bytes),
  };
  if ("records" in request) {
    // Before it is encoded, so that too many records are refused for what they are too many for.
    const explained = request.explain ? explanationBytes(request.records.length, scorer.manifest.spec) : 0;
    const located = scorer.locate(scorer.encode(request.records, limits), 1, limits, cached);
    if (!request.explain) return { located, run: (pages) => scorer.score(located, pages) };
    lease.resize(lease.bytes + explained);
    return { located, run: (pages) => scorer.explain(located, pages) };
  }
  if ("items" in request) {
    const located = scorer.locateItems(parsed(request.context), request.items, limits, cached);
    return { located: located.records, run: (pages) => scorer.rankItems(located, pages) };
  }
  const { candidates } = request;
  const encoded = scorer.encodeCandidates(parsed(request.context), candidates, limits);
  const located = scorer.locate(encoded, candidates.length, limits, cached);
  return { located, run: (pages) => scorer.rank(located, pages) };
}

/** A number like 1e30 is a float32, but its square in the FM term is not, and JSON would turn the NaN into null. */
function refuseNonFinite(numbers: Float32Array, what: "score" | "logit", request: ScoreRequest): void {
  if (allFinite(numbers)) return;
  const list = "records" in request ? "records" : "items" in request ? "items" : "candidates";
  const errors: FormatError[] = [];
  for (let i = 0; i < numbers.length && errors.length < MAX_ERRORS; i++)
    if (!Number.isFinite(numbers[i]))
      errors.push(new FormatError(`${list}[${i}]`, `got numbers too large to score, expected a finite ${what}`));
  RequestError.throwAll(errors);
}

/** `every` would take a tenth of the time of a request of 1,000 records. */
function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}
