import { FormatError } from "../../format/errors.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import { concatenate, type Dataset, firstRow, pickRecords } from "../data/dataset.ts";
import type { HeldOutSource } from "../data/source.ts";
import type { Learner } from "../model/learner.ts";
import { itemField, namingField } from "../model/popularity.ts";
import { startTask } from "../terminal/progress.ts";

/** How well a two-tower model finds the items of held-out positive records among all items. */
export interface Retrieval {
  k: number;
  /** The positive records of the test log whose items were looked for. */
  positives: number;
  /** Items of the training log: the candidates for each positive record. */
  items: number;
  /**
   * Share of the positives whose item is among the k with the largest logits. An item without training records is not.
   */
  recall: number;
  /** Share of the positives whose item is among the k with the most positive training records. */
  popularity: number;
}

/** The items of a training log, and which users had them. */
interface Catalogue {
  /** One record of each item, in the order of their first appearance. */
  records: Dataset;
  /** The place in `records` of each item, by the item's row. */
  place: Map<number, number>;
  /** How many positive training records each item has. */
  positives: Float64Array;
  /**
   * By the user's row, the places of the items of the user's positive training records. They are no candidates again.
   */
  seen: Map<number, Set<number>>;
}

/** Throws FormatError where a model gives no vectors of contexts and items. */
export function checkRetrieves({ name, model }: FeatureSpec): void {
  if (model.type !== "two-tower") throw new FormatError(name, `got a model of type ${model.type}, expected two-tower`);
}

/**
 * Recall@k over all items (Covington et al. 2016 and after). For each positive record of the test log, the vector of
 * its context is compared with that of every item, but for the items of the user's own positive training records. The
 * first context field that is no number tells users apart, `training.itemField` items. Where that would be more than
 * `mostPairs` pairs of a positive record and an item, every n-th positive record is looked for, with the least n that
 * is enough.
 */
export async function measureRetrieval(
  learner: Learner,
  spec: FeatureSpec,
  train: HeldOutSource,
  test: HeldOutSource,
  k: number,
  mostPairs = Number.POSITIVE_INFINITY,
): Promise<Retrieval> {
  checkRetrieves(spec);
  const fields = { user: namingField(spec.fields, "context"), item: itemField(spec) };
  const catalogue = await readCatalogue(train, fields);
  const items = learner.vectors(catalogue.records).item;
  const byModel = new Hits(k);
  const byPopularity = new Hits(k);
  const every = Math.max(1, Math.ceil((test.labels.positives.records * catalogue.records.count) / mostPairs));
  let met = 0;
  let positives = 0;
  using task = startTask("retrieve", test.count, "record");
  for await (const chunk of test.chunks()) {
    const records = Uint32Array.from({ length: chunk.count }, (_, i) => i).filter(
      (i) => chunk.labels[i] === 1 && met++ % every === 0,
    );
    const dataset = pickRecords(chunk, records, spec.fields.length);
    const { context, width } = learner.vectors(dataset);
    for (let record = 0; record < dataset.count; record++) {
      positives++;
      const own = catalogue.place.get(firstRow(dataset, record, fields.item, spec.fields.length));
      if (own === undefined) continue;
      const seen = catalogue.seen.get(firstRow(dataset, record, fields.user, spec.fields.length));
      const score = (item: number): number => dot(context, record * width, items, item * width, width);
      byModel.count(own, catalogue.records.count, seen, score);
      byPopularity.count(own, catalogue.records.count, seen, (item) => catalogue.positives[item]);
    }
    task.advance(chunk.count);
  }
  task.done();
  return {
    k,
    positives,
    items: catalogue.records.count,
    recall: byModel.hits / positives,
    popularity: byPopularity.hits / positives,
  };
}

/** Counts how often an item is among the k best. */
class Hits {
  hits = 0;
  readonly #k: number;

  constructor(k: number) {
    this.#k = k;
  }

  /** Counts a hit where fewer than k items come before `own`. Of those with its score, one half comes before it. */
  count(own: number, items: number, seen: Set<number> | undefined, score: (item: number) => number): void {
    const target = score(own);
    let before = 0;
    for (let item = 0; item < items; item++) {
      if (item === own || seen?.has(item)) continue;
      const other = score(item);
      if (other > target) before++;
      else if (other === target) before += 0.5;
    }
    if (before < this.#k) this.hits++;
  }
}

async function readCatalogue(train: HeldOutSource, { user, item }: Fields): Promise<Catalogue> {
  const { fields } = train;
  const parts: Dataset[] = [];
  const place = new Map<number, number>();
  const counts: number[] = [];
  const seen = new Map<number, Set<number>>();
  for await (const chunk of train.chunks()) {
    const first: number[] = [];
    for (let record = 0; record < chunk.count; record++) {
      const row = firstRow(chunk, record, item, fields);
      if (row < fields) continue; // no item, or one without a row of its own
      let at = place.get(row);
      if (at === undefined) {
        at = counts.push(0) - 1;
        place.set(row, at);
        first.push(record);
      }
      if (chunk.labels[record] !== 1) continue;
      counts[at] = counts[at] + 1;
      const who = firstRow(chunk, record, user, fields);
      if (who < fields) continue; // a user without a row is not told from others
      const items = seen.get(who) ?? new Set();
      seen.set(who, items.add(at));
    }
    parts.push(pickRecords(chunk, Uint32Array.from(first), fields));
  }
  return { records: concatenate(parts, fields), place, positives: Float64Array.from(counts), seen };
}

interface Fields {
  user: number;
  item: number;
}

function dot(a: Float32Array, from: number, b: Float32Array, at: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[from + i] * b[at + i];
  return sum;
}
