import { aucOfOrdered } from "./auc.ts";
import type { Floats, GroupedOrder } from "./order.ts";

/**
 * Group AUC: Σ n_g·AUC_g / Σ n_g over groups, such as users, of n_g impressions (Zhu et al. 2017, "Optimized Cost per
 * Click in Taobao Display Advertising"; Zhou et al. 2018, "Deep Interest Network", section 6). A group with one class
 * only has no AUC and is left out of both sums. With sample weights, n_g is their sum. NaN where no group is left.
 */
export function gauc(
  { order, starts }: GroupedOrder,
  scores: Floats,
  labels: Uint8Array,
  weights?: Floats,
): { gauc: number; groups: number } {
  let sum = 0;
  let impressions = 0;
  let groups = 0;
  for (let g = 0; g + 1 < starts.length; g++) {
    const [start, end] = [starts[g], starts[g + 1]];
    const auc = aucOfOrdered(order, start, end, scores, labels, weights);
    if (Number.isNaN(auc)) continue;
    let size = end - start;
    if (weights) {
      size = 0;
      for (let i = start; i < end; i++) size += weights[order[i]];
    }
    sum += size * auc;
    impressions += size;
    groups++;
  }
  return { gauc: sum / impressions, groups };
}
