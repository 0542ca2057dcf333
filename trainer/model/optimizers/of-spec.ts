import { FormatError } from "../../../format/errors.ts";
import type { ResolvedSpec } from "../../../format/spec.ts";
import type { RowKernels } from "../row-kernels.ts";
import { Adam } from "./adam.ts";
import { Ftrl } from "./ftrl.ts";
import { LazyRows } from "./lazy-rows.ts";
import type { RowOptimizer } from "./row-optimizer.ts";
import { RowwiseAdagrad } from "./rowwise-adagrad.ts";
import { TableAdagrad } from "./table-adagrad.ts";
import { TableAdam } from "./table-adam.ts";

type OptimizerSettings = Pick<ResolvedSpec["training"], "optimizer" | "l1" | "l2" | "l2Scope">;

/**
 * The optimizer that a spec names, for a table of V rows of D = `width` numbers. `kernels`: those of the engine in
 * whose memory the table is, if it is in one.
 */
export function rowOptimizer(
  settings: OptimizerSettings,
  rows: number,
  width: number,
  kernels: RowKernels | null = null,
): RowOptimizer {
  const { optimizer, l1, l2, l2Scope } = settings;
  if (optimizer === "ftrl") return new LazyRows(new Ftrl(rows, width, l1, l2), 0);
  if (l1 > 0) throw new FormatError("training.l1", `got ${l1} with ${optimizer}, expected 0, or the optimizer ftrl`);
  const wholeTable = l2Scope === "table";
  // With λ = 0, dense Adagrad leaves idle rows as they are, whereas dense Adam still moves them by their momentum.
  if (optimizer === "adagrad") {
    return wholeTable && l2 > 0 ? new TableAdagrad(rows, width, l2) : new LazyRows(new RowwiseAdagrad(rows, width), l2);
  }
  return wholeTable
    ? new TableAdam(rows, width, l2, kernels)
    : new LazyRows(new Adam(rows, width, kernels), l2, kernels);
}

/** The optimizer of the dense weights, as one row of `width` numbers: FTRL for an LR by FTRL, Adam for all others. */
export function denseOptimizer(
  { model, training }: ResolvedSpec,
  width: number,
  kernels: RowKernels | null = null,
): RowOptimizer {
  const ftrl = model.type === "LR" && training.optimizer === "ftrl";
  return new LazyRows(ftrl ? new Ftrl(1, width, 0, 0) : new Adam(1, width, kernels), 0);
}
