/** Whole records; candidates of one context, which is computed once; or its items by their numbers in a catalogue. */
export type Way = "whole" | "context once" | "catalogue";

/** Something that scores records of one case. */
export interface Contestant {
  name: string;
  /** Writes the logits of `records` records from number `first` on. */
  score(first: number, records: number, logits: Float32Array): void | Promise<void>;
  /** Where it runs in another process: that one's time for `calls` calls of `score`, the first from record number `first` on. */
  milliseconds?(first: number, records: number, calls: number): Promise<number>;
  /** Frees what the garbage collector does not know of. */
  close(): void | Promise<void>;
}

export function wayText(way: Way): string {
  return way === "whole" ? "" : `, ${way}`;
}
