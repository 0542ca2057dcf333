import type * as v from "valibot";
import { FormatError, RequestError } from "../../format/errors.ts";
import { MAX_RECEIPT_ITEMS } from "../../format/item-tags.ts";
import { checkRecord } from "../../format/record.ts";
import { Unparsed } from "../../runtime/unparsed.ts";
import type { LateMembers } from "../http/body.ts";
import type { BodyList } from "../http/body-list.ts";
import { MAX_RECORDS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import { type CandidateId, itemsInOrder, type Ranking, rankedItems } from "../scoring/ranking.ts";
import type { AskedRequest, ReadRequest } from "./answer.ts";
import type { AskedList } from "./arranged-answer.ts";
import { RankBody } from "./bodies.ts";
import { mayKeepOrder } from "./model-choice.ts";
import { readBids, readIds, refuseDuplicates, refuseUnlogged } from "./rank-lists.ts";

type Body = v.InferOutput<typeof RankBody>;

const LATE: LateMembers = { lists: ["candidates", "items", "ids", "bids"], values: ["context"] };

export const readRank: ReadRequest = async (source, lease, refuse) => {
  const read = await source.read(LATE, RankBody, lease, refuse);
  const errors = contradictions(read.body);
  const body = read.body.sort ? ranked(read.body, lease, errors) : scored(read.body);
  if (errors.length > 0) refuse(errors, read.body);
  const { model, fallback } = read.body;
  return { ...read, body: { ...body, model, fallback } };
};

/** In the order of the request, with the scores alone. */
function scored({ context, candidates, items, unseen }: Body): AskedRequest {
  return { ...(items ? { context, items } : { context, candidates: candidates ?? [] }), unseen };
}

/** Bytes of memory of a candidate in the answer: an object of four members, and its JSON, the id's text left out. */
const RANKED_BYTES = 256;

/** Bytes of memory of a byte of an id's JSON in the answer: as UTF-16, and then as UTF-8. */
const ANSWERED_BYTES = 4;

/** The list in its order. What is wrong with ids and bids is added to `errors`. */
function ranked(body: Body, lease: Lease, errors: FormatError[]): AskedRequest {
  const { context, candidates, items, unseen, experiment, receipt = false, k = MAX_RECORDS } = body;
  const named = items ?? body.ids;
  const ids = named ? readIds(named, items ? "items" : "ids", lease, errors) : null;
  if (ids && (!items || experiment !== undefined)) refuseDuplicates(ids, items ? "items" : "ids", errors);
  const ranking: Ranking = { ids, bids: body.bids ? readBids(body.bids, lease, errors) : null, k };
  const count = (items ?? candidates ?? []).length;
  lease.resize(lease.bytes + RANKED_BYTES * Math.min(k, count) + ANSWERED_BYTES * (named?.bytes ?? 0));
  return {
    ...(items && ids ? { context, items: ids } : { context, candidates: candidates ?? [] }),
    unseen,
    answerOf: ({ scores }) => ({ items: rankedItems(scores, ranking) }),
    inOrder() {
      RequestError.during(() => checkUnread(context, candidates));
      return { items: itemsInOrder(count, ranking) };
    },
    list:
      experiment !== undefined && ids
        ? askedList(experiment, ids, { slots: Math.min(k, count), receipt, errors, items, candidates })
        : undefined,
  };
}

/** Throws FormatError where what no model has read is no record, and BodyError where it is not JSON. */
function checkUnread(context: unknown, candidates: BodyList | undefined): void {
  const see = (value: unknown): void => checkRecord(value, "context");
  if (context instanceof Unparsed) context.check(see);
  else see(context);
  candidates?.check((candidate, i) => checkRecord(candidate, `candidates[${i}]`));
}

interface AskedListOptions {
  slots: number;
  receipt: boolean;
  errors: FormatError[];
  items: unknown;
  candidates: BodyList | undefined;
}

/** The list as experiments have it: ids are texts, each of which the log can have. */
function askedList(
  name: string,
  ids: readonly CandidateId[],
  { slots, receipt, errors, items, candidates }: AskedListOptions,
): AskedList {
  refuseUnlogged(ids, items ? "items" : "ids", errors);
  if (receipt && slots > MAX_RECEIPT_ITEMS)
    errors.push(
      new FormatError("body: receipt", `got a list of ${slots}, expected a k of ${MAX_RECEIPT_ITEMS} at most`),
    );
  return {
    ...{ name, slots, receipt, ids: ids.map(String) },
    check: () => candidates?.check(() => {}),
    // Without a spread of a member that may not be there, for which V8 calls its runtime for each item.
    itemsOf: (shown, scores) =>
      shown.map((item, slot) => {
        const [id, rank] = [ids[item] as CandidateId, slot + 1];
        return scores ? { id, score: scores[item] as number, rank } : { id, rank };
      }),
  };
}

/** What members say against one another. */
function contradictions({
  candidates,
  items,
  ids,
  bids,
  k,
  objective,
  sort,
  fallback,
  experiment,
  receipt,
}: Body): FormatError[] {
  const errors: FormatError[] = [];
  const refuse = (member: string, problem: string): void => {
    errors.push(new FormatError(`body: ${member}`, problem));
  };
  if ((candidates === undefined) === (items === undefined))
    errors.push(
      new FormatError(
        "body",
        `got ${items ? "both" : "neither"} candidates ${items ? "and" : "nor"} items, expected one of them`,
      ),
    );
  const list = candidates ?? items;
  const refuseLength = (member: "ids" | "bids", of: BodyList | undefined): void => {
    if (of && list && of.length !== list.length)
      refuse(
        member,
        `got ${of.length}, expected ${list.length}, one for each of the ${items ? "items" : "candidates"}`,
      );
  };
  refuseLength("ids", ids);
  refuseLength("bids", bids);
  if (ids && items) refuse("ids", "got ids beside items, which are ids themselves, expected none");
  if (bids && objective !== "ecpm") refuse("bids", 'got bids, expected none without the objective "ecpm"');
  if (!bids && objective === "ecpm") refuse("bids", 'got none, expected a bid for each candidate with "ecpm"');
  if (experiment !== undefined && candidates && !ids)
    refuse("ids", "got none, expected them with an experiment, whose log names candidates by their ids");
  if (experiment !== undefined && objective === "ecpm")
    refuse("objective", 'got "ecpm" with an experiment, whose policies order by logits, expected "ctr" or none');
  if (receipt && experiment === undefined)
    refuse("receipt", "got true without an experiment, which events are about, expected none");
  if (!sort && mayKeepOrder({ fallback }))
    refuse("fallback", 'got "order" with "sort": false, which answers the scores alone, expected "default" or none');
  if (!sort)
    for (const [member, value] of Object.entries({ ids, objective, bids, k, experiment, receipt }))
      if (value !== undefined)
        refuse(member, 'got it with "sort": false, which answers the scores alone, expected none');
  return errors;
}
