import { descending } from "../../runtime/orders/ranking.ts";
import { errorText } from "../http/log.ts";
import { SampledLog } from "../http/sampled-log.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import type { RouteOptions } from "../route-options.ts";
import { answered } from "../routes/answer.ts";
import { readRank } from "../routes/rank.ts";
import { ValueBody } from "../rpc/value-body.ts";
import {
  type Arranging,
  type AskedPage,
  type BeginArranging,
  candidatesOf,
  type FoundList,
  NOT_ARRANGED,
} from "./arranging.ts";
import { clientOf } from "./client-of.ts";
import { scoreEarly } from "./early-scoring.ts";

/**
 * Arranges the lists of routes that name a model by that alone, the best item first, for every visitor: what /v1/rank
 * would answer. A list whose route names fields of its items is scored by them, others by what the model's catalogue
 * has of the ids.
 */
export function modelArranging(options: RouteOptions, now: () => number): BeginArranging {
  const failed = new SampledLog("rerank_model_failed", now);
  return function begin(page) {
    if (page.route.model === undefined) return NOT_ARRANGED;
    scoreEarly(page, [page.route.model], options);
    const arranging: Arranging = {
      async arrange(list) {
        try {
          return { shown: await orderByModel(list, page, options) };
        } catch (error) {
          failed.add({ path: page.route.path, list: list.name, error: errorText(error) });
          return { why: error instanceof OverloadedError ? "memory" : "model" };
        }
      },
    };
    return { arranging, cookies: [] };
  };
}

async function orderByModel(list: FoundList, page: AskedPage, options: RouteOptions): Promise<number[]> {
  const { request, route, context, env, keepAlive } = page;
  const { model } = route;
  const body = { context, ...candidatesOf(list, page), sort: false, ...(model && { model }) };
  const call = { env, client: clientOf(request), request: null, keepAlive, openBody: () => new ValueBody(body) };
  const { result } = await answered(call, options, readRank);
  return Array.from(descending(Float64Array.from(result?.logits ?? [])));
}
