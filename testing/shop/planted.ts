import { type Arm, policyOf } from "../../format/arm.ts";
import { kernelModule } from "../../runtime/node.ts";
import { drawOrder } from "../../runtime/orders/order.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { ARMS, DRAWN_SLOTS } from "./experiment.ts";
import type { Item, Shop, Visitor } from "./shop.ts";
import type { Visit } from "./visitors.ts";

/** What an arm is worth, by the tastes that are planted: expected clicks. */
export interface PlantedValue {
  arm: string;
  perList: number;
  /** In the slots that LR's arm draws, and in the first one alone. */
  firstSlots: number;
  firstSlot: number;
}

/** The values of the arms over the very visits of the experiment, all of them in each arm. */
export function plantedValues(
  shop: Shop,
  visits: readonly Visit[],
  models: Readonly<Record<string, ExportedModel>>,
): PlantedValue[] {
  const scorers = Object.fromEntries(
    Object.entries(models).map(([name, { blob }]) => [name, new Scorer(placeBlob(kernelModule(), blob))]),
  );
  return ARMS.map((arm) => {
    const sums = { perList: 0, firstSlots: 0, firstSlot: 0 };
    for (const [i, { visitor, shelf }] of visits.entries()) {
      const items = shop.shelves[shelf];
      const scorer = arm.model === null ? null : scorers[arm.model];
      const list = scorer ? ordered(scorer, arm, visitor, items, i) : items;
      sums.perList += shop.expectedClicks(visitor, list);
      sums.firstSlots += shop.expectedClicks(visitor, list.slice(0, DRAWN_SLOTS));
      sums.firstSlot += shop.expectedClicks(visitor, list.slice(0, 1));
    }
    const { perList, firstSlots, firstSlot } = sums;
    const n = visits.length;
    return { arm: arm.arm, perList: perList / n, firstSlots: firstSlots / n, firstSlot: firstSlot / n };
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
