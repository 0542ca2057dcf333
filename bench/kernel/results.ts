import { median } from "../../trainer/metrics/median.ts";
import { table } from "../../trainer/terminal/table.ts";
import { medianRatio, rounded } from "../ratio.ts";

/** One form of our kernel at one batch size. `npm run bench -- kernel --json FILE` writes {"results": Result[]}. */
export interface Result {
  /** The model, and the form of our kernel. */
  case: string;
  /** "workerd", or "node" with its version. */
  runtime: string;
  /** Records a call; in a ranking case, candidates. */
  batch: number;
  /** µs a record, or a candidate. */
  us: number;
  /**
   * Share of the roofline: the least time in which the machine can do a whole record's arithmetic or read its rows
   * (roofline.ts), divided by our time. It may exceed 1 where the context's part is computed once for all candidates.
   */
  roofline: number;
  /** By the peer's name: our time divided by theirs. Below 1, ours is faster. */
  ratio: Record<string, number>;
}

/** All times in µs a record, one a round: ours, the roofline's and the peers'. */
export function resultOf(
  place: Pick<Result, "case" | "runtime" | "batch">,
  ours: readonly number[],
  roofline: readonly number[],
  peers: readonly { name: string; times: readonly number[] }[],
): Result {
  return {
    ...place,
    us: rounded(median(ours)),
    roofline: rounded(medianRatio(roofline, ours)),
    ratio: Object.fromEntries(peers.map(({ name, times }) => [name, rounded(medianRatio(ours, times))])),
  };
}

export function resultTable(results: readonly Result[]): string {
  const peers = Object.keys(results[0].ratio);
  return table(
    ["ours", "runtime", "batch", "µs", "roofline", ...peers.map((name) => `/ ${name}`)],
    results.map(({ case: name, runtime, batch, us, roofline, ratio }) => [
      name,
      runtime,
      batch,
      us.toFixed(2),
      `${(100 * roofline).toFixed(0)} %`,
      ...peers.map((peer) => ratio[peer].toFixed(2)),
    ]),
  );
}
