import { table } from "../../trainer/terminal/table.ts";
import { median, type Rounds, ratio } from "./race.ts";
import { rooflineName } from "./roofline.ts";

/** A line of the result: one of our variants. `npm run bench -- kernel --json FILE` writes {"results": Result[]}. */
export interface Result {
  case: string;
  /** "workerd", or "node" with its version. */
  runtime: string;
  /** Records a call; in a ranking case, candidates. */
  batch: number;
  /** µs a record, or a candidate. */
  us: number;
  /**
   * Share of the roofline: the least time that a whole record's arithmetic and bytes can take (roofline.ts) by ours; so with
   * a context computed once it may exceed 1.
   */
  roofline: number;
  /** Ours / theirs: below 1, ours is faster. */
  ratio: Record<string, number>;
}

/** Of contestant `name` in a race with the rooflines and `peers`. */
export function resultOf(
  place: Pick<Result, "case" | "runtime" | "batch">,
  name: string,
  type: "int8" | "f32",
  rounds: Rounds,
  peers: readonly string[],
): Result {
  const of = (contestant: string): readonly number[] => rounds.get(contestant) ?? [];
  const ours = of(name);
  return {
    ...place,
    us: rounded(median(ours)),
    roofline: rounded(ratio(of(rooflineName(type)), ours)),
    ratio: Object.fromEntries(peers.map((peer) => [peer, rounded(ratio(ours, of(peer)))])),
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
