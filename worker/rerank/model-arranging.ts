import { descending } from "../../runtime/orders/ranking.ts";
import { errorText } from "../http/log.ts";
import { SampledLog } from "../http/sampled-log.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";
import type { RouteOptions } from "../route-options.ts";
import { answered } from "../routes/answer.ts";
import { chosenModel } from "../routes/model-choice.ts";
import { readRank } from "../routes/rank.ts";
import { ValueBody } from "../rpc/value-body.ts";
import {
  type Arranging,
  type AskedPage,
  type BeginArranging,
  type Begun,
  candidatesOf,
  type FoundList,
} from "./arranging.ts";
import { clientOf } from "./client-of.ts";

const NOT_ARRANGED: Begun = { arranging: null, cookies: [] };

/**
 * Arranges the lists of routes that name a model by that alone, the best item first, for every visitor: what /v1/rank
 * would answer. A list whose route names fields of its items is scored by them, others by what the model's catalogue
 * has of the ids.
 */
export function modelArranging(options: RouteOptions, now: () => number): BeginArranging {
  const failed = new SampledLog("rerank_model_failed", now);
  return function begin(page) {
    if (page.route.model === undefined) return NOT_ARRANGED;
    beginLoad(page, options);
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

/** Begins to load the model in a new isolate, while the origin answers. What fails is said when a list needs it. */
function beginLoad({ route, env, keepAlive }: AskedPage, { models, memory, settings }: RouteOptions): void {
  const { model = null } = route;
  const values = settings.readOrNull(env);
  if (values === null || models.servingFor(model) !== null) return;
  const { source, keys, leastSerials, bundled } = values;
  const load = async (): Promise<void> => {
    using lease = memory.lease("requests");
    const access = { source, keys, leastSerials, bundled, charge: null, keepAlive, lease };
    await chosenModel(models, model === null ? {} : { model }, access);
  };
  keepAlive(load().catch(() => {}));
}
