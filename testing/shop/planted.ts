import { policyOf } from "../../format/arm.ts";
import type { Arm } from "../../format/arm.ts";
import { kernelModule } from "../../runtime/node.ts";
import { drawOrder } from "../../runtime/orders/order.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { type Item, looksAt, type Shop, type Visitor } from "./shop.ts";
import type { Visit } from "./visitors.ts";

/** What an arm is worth, by the tastes that are planted: expected clicks. */
export interface PlantedValue {
  perList: number;
  /** On the first slot alone. */
  firstSlot: number;
}

/** The values of arms over the very visits of an experiment, all of them in each arm. */
export function plantedValues(
  shop: Shop,
  visits: readonly Visit[],
  arms: readonly Arm[],
  models: Readonly<Record<string, ExportedModel>>,
): PlantedValue[] {
  const scorers = Object.fromEntries(
    Object.entries(models).map(([name, { blob }]) => [name, new Scorer(placeBlob(kernelModule(), blob))]),
  );
  return arms.map((arm) => {
    let [perList, firstSlot] = [0, 0];
    for (const [i, { visitor, shelf }] of visits.entries()) {
      const items = shop.shelves[shelf];
      const scorer = arm.model === null ? null : scorers[arm.model];
      const list = scorer ? ordered(scorer, arm, visitor, items, i) : items;
      perList += shop.expectedClicks(visitor, list);
      firstSlot += looksAt(0) * shop.clickProbability(visitor, list[0]);
    }
    return { perList: perList / visits.length, firstSlot: firstSlot / visits.length };
  });
}

function ordered(scorer: Scorer, arm: Arm, visitor: Visitor, items: readonly Item[], number: number): Item[] {
  const { segment, device } = visitor;
  const candidates = items.map(({ id, category, brand, price }) => ({ item: id, category, brand, price }));
  const located = scorer.locate(scorer.encodeCandidates({ segment, device }, candidates), items.length);
  const { logits } = scorer.rank(located, new Map());
  const seed = new Uint8Array(16);
  new DataView(seed.buffer).setUint32(0, number);
  const ids = items.map(({ id }) => id);
  return drawOrder(policyOf(arm, items.length), { ids, logits }, seed).shown.map((item) => items[item]);
}
