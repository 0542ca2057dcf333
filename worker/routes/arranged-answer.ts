import { makeReceipt } from "../../format/item-tags.ts";
import { makeRequestId } from "../../format/request-id.ts";
import { type Arranged, arrange, type ListToArrange, missingOf, reasonOf } from "../experiments/arrange.ts";
import { exposureOf } from "../experiments/exposure-line.ts";
import { countArranged, countAssigned, logList } from "../experiments/list-log.ts";
import { type ListAccess, listScorer } from "../experiments/score-list.ts";
import { type VisitorRequest, withdrawnCookies } from "../experiments/visitor.ts";
import type { RouteOptions } from "../route-options.ts";
import type { RankedItem } from "../scoring/ranking.ts";
import type { ScoreRequest, ScoreResult } from "../scoring/score-request.ts";
import { unseenByField } from "../scoring/unseen-by-field.ts";
import type { SettingValues } from "../settings/settings.ts";

/** The list of a request that names an experiment. */
export interface AskedList extends ListToArrange {
  /** What the payload calls it. */
  name: string;
  /** Whether the answer is to have what events show of their list: format/item-tags.ts. */
  receipt: boolean;
  /** Throws BodyError where a list that no model has read is not JSON. */
  check: () => void;
  /** The items that are answered. `shown`: their indices; `scores`: of all candidates, or null where none scored. */
  itemsOf: (shown: readonly number[], scores: Float32Array | null) => Partial<RankedItem>[];
}

/** What experiments have to say about a request. */
export interface OfExperiments {
  /** Null: nothing, and its list is to be ranked as without them. */
  answer: ArrangedAnswer | null;
  /** Headers `set-cookie` that the answer needs in any case. */
  cookies: readonly string[];
}

/** What is answered of a list that experiments have ordered. */
export interface ArrangedAnswer {
  body: object;
  result: ScoreResult | null;
  /** What is left to do once it is answered, with the request's memory; null: nothing. Never rejects. */
  after: (() => Promise<void>) | null;
}

/** The request that asks, and what it is scored with. */
export interface ArrangeCall {
  env: object;
  visitor: VisitorRequest;
  settings: SettingValues;
  access: ListAccess;
}

/** Orders a list as the arm of its unit says, and has it logged. */
export async function arrangedAnswer(
  asked: ScoreRequest & { unseen?: boolean | undefined },
  list: AskedList,
  call: ArrangeCall,
  options: RouteOptions,
): Promise<OfExperiments> {
  const { access, settings } = call;
  const { experiments, source } = settings;
  const experimentSettings = { experiments, source, logs: options.logSettings.read(call.env) };
  const visit = await options.experiments.begin(call.visitor, experimentSettings, access.keepAlive);
  if (!visit) return { answer: null, cookies: withdrawnCookies(call.visitor, experiments) };
  const assigned = visit.assign(list.name);
  const cookies = visit.cookies();
  if (!assigned) return { answer: null, cookies };
  const score = listScorer(asked, options, access);
  const arranged = await arrange(list, assigned, score);
  // A body that is not JSON is refused in every arm, and not counted as what its arm failed with.
  if (!arranged.scored) list.check();
  countAssigned(assigned, arranged.failure?.why ?? null, visit, options);
  countArranged(arranged, options);
  const now = options.now();
  const id = assigned.unit ? makeRequestId(visit.keys.signing, now) : null;
  const worker = settings.workerVersion?.id ?? null;
  const line = id === null ? null : exposureOf(arranged, visit, { id, now, worker });
  const { env } = call;
  // A shadow scores once the answer is out, and nobody waits for its rows.
  const shadow = assigned.arm.shadow ? listScorer(asked, options, { ...access, spentMs: 0 }) : null;
  const after = line && logList(line, arranged, shadow, { env, keepAlive: access.keepAlive }, options);
  const shown = arranged.shown ?? Array.from({ length: list.slots }, (_, slot) => slot);
  const items = list.receipt ? shown.map((i) => list.ids[i] as string) : null;
  const receipt = id === null || items === null ? null : makeReceipt(visit.keys.signing[0], id, items);
  return {
    answer: {
      body: bodyOf(arranged, list, shown, { id, receipt, unseen: asked.unseen }),
      result: resultOf(arranged),
      after,
    },
    cookies,
  };
}

/** What the arm's model made of the list it ordered, with the pages that were read for the arm's rival, too. */
function resultOf({ scored, rival, failure }: Arranged): ScoreResult | null {
  if (failure || !scored) return null;
  const { result } = scored;
  if (!rival) return result;
  const { pagesRead, pagesNearby } = rival.result;
  return { ...result, pagesRead: result.pagesRead + pagesRead, pagesNearby: result.pagesNearby + pagesNearby };
}

/**
 * `id`, `receipt`: what events are to have; null: nothing is logged, or no receipt was asked for. `unseen`: whether it
 * counts unseen values.
 */
function bodyOf(
  arranged: Arranged,
  { itemsOf }: AskedList,
  shown: readonly number[],
  { id, receipt, unseen }: { id: string | null; receipt: string | null; unseen: boolean | undefined },
): object {
  const { assigned, failure, scored } = arranged;
  const { arm, unit } = assigned;
  const result = resultOf(arranged);
  const missing = result && missingOf(arranged);
  return {
    items: itemsOf(shown, result?.scores ?? null),
    ...(result && { model: result.model, version: result.version }),
    ...(result && scored?.model.bundled && { bundled: true }),
    ...(missing && { degraded: missing }),
    ...(unseen && result && scored && { unseen: unseenByField(result.unseen, scored.model.scorer.manifest.spec) }),
    ...(unit && {
      experiment: {
        ...{ name: unit.experiment.key, phase: unit.experiment.phase, arm: arm.arm, id },
        ...(receipt !== null && { receipt }),
        served: failure ? "origin" : "arm",
        ...(failure && { why: failure.why, reason: reasonOf(failure) }),
      },
    }),
  };
}
