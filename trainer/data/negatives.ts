import { columnOf, columnsOf, type FieldOrigin } from "../../format/columns.ts";
import type { DataSettings } from "../../format/spec.ts";

/** How negatives are made of the positives of a log, with the columns that it takes. */
export interface Sampling {
  /** Negatives of each positive. */
  count: number;
  /** The column that tells items apart. */
  by: string;
  /** The columns that a negative takes from another item: those of the item fields, and `by`. */
  item: readonly string[];
  /** The columns whose values together tell contexts apart: an item that one has is no negative of it. */
  context: readonly string[];
  distribution: "uniform" | "popularity";
  /** Of the draws for training; those for held-out logs are always the same, so that metrics can be compared. */
  seed: number;
}

/** The negatives that a spec wants to be sampled; null where it wants none. */
export function samplingOf({ fields, data: { negatives } }: SampledSpec): Sampling | null {
  if (negatives?.sample === undefined || negatives.by === undefined) return null;
  const { sample: count, user, distribution = "uniform", seed } = negatives;
  const columnNamed = (name: string): string => {
    const field = fields.find((one) => one.name === name);
    return field ? (columnOf(field) ?? name) : name;
  };
  const of = (side: string): string[] => columnsOf(fields.filter((field) => field.side === side));
  const by = columnNamed(negatives.by);
  const item = [...new Set([...of("item"), by])];
  const context = user === undefined ? of("context").filter((name) => !item.includes(name)) : [columnNamed(user)];
  return { count, by, item, context, distribution, seed };
}

/** What of a spec, or of a fitted spec with its data, says how negatives are sampled. */
export interface SampledSpec {
  fields: readonly (FieldOrigin & { side: "context" | "item" })[];
  data: Pick<DataSettings, "negatives">;
}
