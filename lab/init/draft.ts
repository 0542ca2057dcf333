// A field as a spec has it.

export type Side = "context" | "item";

/** A step of `prepare`, as a spec has it. */
export type StepDraft = string | Record<string, unknown>;

/** A field as it is written into a spec. */
export interface FieldDraft {
  name: string;
  from?: string;
  type: "categorical" | "numeric" | "multi-categorical";
  encoding?: Record<string, unknown>;
  side?: Side;
  separator?: string;
  maxValues?: number;
  prepare?: StepDraft[];
}
