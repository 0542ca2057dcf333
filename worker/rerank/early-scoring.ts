import { LOAD_WAIT_MS } from "../limits.ts";
import type { RouteOptions } from "../route-options.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import { scoreRequest } from "../scoring/score-request.ts";
import type { AskedPage } from "./arranging.ts";
import { clientOf } from "./client-of.ts";

/**
 * Begins what scoring the lists of a page takes, while the origin answers: loads the models that are not there, and
 * reads the rows of the page's context, which the isolate then has. What fails is said when a list needs it.
 */
export function scoreEarly(page: AskedPage, references: Iterable<string>, options: RouteOptions): void {
  for (const reference of new Set(references)) page.keepAlive(prepare(page, reference, options).catch(() => {}));
}

async function prepare(page: AskedPage, reference: string, options: RouteOptions): Promise<void> {
  const { request, context, env, keepAlive } = page;
  const { models, rows, memory, settings, counters } = options;
  const values = settings.readOrNull(env);
  if (values === null) return;
  const { source, keys, leastSerials, bundled, rowDeadlineMs, rowKeysPerRequest: maxKeys, rowRateLimit } = values;
  using lease = memory.lease("requests");
  // No client is charged for a model that the operator names.
  const access = { source, keys, leastSerials, bundled, charge: null, keepAlive, lease };
  const model = models.ready(reference, access) ?? (await models.use(reference, access, LOAD_WAIT_MS));
  const { manifest } = model.scorer;
  if (manifest.pageCount === 0) return;
  const charge = rowRateLimit && chargeTo(rowRateLimit, clientOf(request));
  const deadlineMs = model.deadlineMs ?? rowDeadlineMs;
  const asked = { context, candidates: [] };
  const result = await scoreRequest(asked, { model, rows, source, deadlineMs, maxKeys, charge, keepAlive, lease });
  counters.addReads(result, manifest.spec);
}
