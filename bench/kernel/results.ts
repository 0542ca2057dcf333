import { table } from "../../trainer/table.ts";
import { type BenchCase, rowBytes } from "./cases.ts";
import type { Micros } from "./race.ts";
import type { Roofline } from "./roofline.ts";

/** A line of the result: one of our variants. `npm run bench -- kernel --json FILE` writes {"results": Result[]}. */
export interface Result {
  case: string;
  /** "node" or "workerd", with its version. */
  runtime: string;
  /** Records a call; in a ranking case, candidates. */
  batch: number;
  /** µs a record, or a candidate. */
  us: number;
  /** Share of the roofline: the least time that arithmetic and bytes can take, as measured, by ours. */
  roofline: number;
  /** Ours / theirs: below 1, ours is faster. */
  ratio: Record<string, number>;
}

/** The least µs that a record can take: that of the layers' arithmetic or that of the rows' bytes, whichever is more. */
export function leastMicros(one: BenchCase, type: "int8" | "f32", { dots, madds, bytes }: Roofline): number {
  return 1e6 * Math.max(one.macs / (type === "int8" ? dots : madds), rowBytes(one, type) / bytes);
}

/** `us`: ours; `peers`: those of the others, by name. */
export function resultOf(
  place: Pick<Result, "case" | "runtime" | "batch">,
  us: number,
  least: number,
  peers: Micros,
): Result {
  return {
    ...place,
    us: rounded(us),
    roofline: rounded(least / us),
    ratio: Object.fromEntries([...peers].map(([name, theirs]) => [name, rounded(us / theirs)])),
  };
}

/** Four digits: more would be noise. */
function rounded(x: number): number {
  return Number(x.toPrecision(4));
}

export function resultTable(results: readonly Result[]): string {
  const peers = Object.keys(results[0]?.ratio ?? {});
  return table(
    ["ours", "runtime", "batch", "µs", "roofline", ...peers.map((name) => `/ ${name}`)],
    results.map(({ case: name, runtime, batch, us, roofline, ratio }) => [
      name,
      runtime,
      batch,
      us.toFixed(2),
      `${(100 * roofline).toFixed(0)} %`,
      ...peers.map((peer) => ratio[peer]?.toFixed(2) ?? ""),
    ]),
  );
}
