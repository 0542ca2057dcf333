/**
 * How a list is scored. `whole`: as whole records. `context once`: as candidates of one context, whose part is computed
 * once. `catalogue`: the same with the candidates' parts computed before, by their numbers in the blob's catalogue.
 */
export type Way = "whole" | "context once" | "catalogue";

/** Something that scores records of one case. */
export interface Contestant {
  name: string;
  /** Writes the logits of `records` records from number `first` on. */
  score(first: number, records: number, logits: Float32Array): void | Promise<void>;
  /**
   * Only where scoring runs in another process: milliseconds of that process for `calls` calls of `score`, the first of
   * them from record number `first` on.
   */
  milliseconds?(first: number, records: number, calls: number): Promise<number>;
  /** Frees what the garbage collector does not know of. */
  close(): void | Promise<void>;
}

export function wayText(way: Way): string {
  return way === "whole" ? "" : `, ${way}`;
}
