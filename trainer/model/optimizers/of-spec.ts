import { FormatError } from "../../../format/errors.ts";
import type { FeatureSpec } from "../../../format/spec.ts";
import { Ftrl } from "./ftrl.ts";
import { LazyAdam } from "./lazy-adam.ts";
import type { RowOptimizer } from "./row-optimizer.ts";
import { RowwiseAdagrad } from "./rowwise-adagrad.ts";
import { TableAdagrad } from "./table-adagrad.ts";
import { TableAdam } from "./table-adam.ts";

type Training = Pick<FeatureSpec["training"], "optimizer" | "l1" | "l2" | "l2Scope">;

/** The optimizer that a spec names, for a table of V rows of D = `width` numbers. */
export function rowOptimizer({ optimizer, l1, l2, l2Scope }: Training, rows: number, width: number): RowOptimizer {
  if (optimizer === "ftrl") return new Ftrl(rows, width, l1, l2);
  if (l1 > 0) throw new FormatError("training.l1", `got ${l1} with ${optimizer}, expected 0, or the optimizer ftrl`);
  const wholeTable = l2Scope === "table";
  // With λ = 0 an idle row of Adagrad stays as it is. One of dense Adam still moves by its momentum.
  if (optimizer === "adagrad") {
    return wholeTable && l2 > 0 ? new TableAdagrad(rows, width, l2) : new RowwiseAdagrad(rows, width, l2);
  }
  return wholeTable ? new TableAdam(rows, width, l2) : new LazyAdam(rows, width, l2);
}
