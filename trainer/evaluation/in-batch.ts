import { openHeldOutLog } from "../data/held-out-log.ts";
import type { LogPart } from "../data/logs.ts";
import type { InBatchEvaluation } from "../metrics/evaluation.ts";
import type { TrainedModel } from "../model/trained-model.ts";
import type { HeldOut } from "./held-out.ts";
import { measureRetrieval } from "./retrieval.ts";

/** The k of recall@k that `train` reports and that `retrieve` has by default. */
export const RECALL_AT = 100;

/** Pairs of a positive record and an item that are scored at most: some seconds. `retrieve` scores all. */
const MOST_PAIRS = 2 ** 27;

/**
 * What a model that learned by the in-batch loss is judged by on a held-out log: that loss, and recall over the items
 * of the training log. Null for a model that learned by the logistic loss.
 */
export async function evaluateInBatch(
  trained: TrainedModel,
  { ownLoss }: HeldOut,
  train: LogPart,
  part: LogPart,
  cache: string,
): Promise<InBatchEvaluation | null> {
  if (ownLoss === null) return null;
  const { spec, learner } = trained;
  const [items, test] = [
    await openHeldOutLog(spec, trained, train, cache),
    await openHeldOutLog(spec, trained, part, cache),
  ];
  const { k, recall, popularity, positives } = await measureRetrieval(
    learner,
    spec,
    items,
    test,
    RECALL_AT,
    MOST_PAIRS,
  );
  return { loss: ownLoss, k, recall, popularity, positives };
}
