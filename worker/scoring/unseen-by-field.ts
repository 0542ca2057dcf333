import type { FittedSpec } from "../../format/fitted-spec.ts";

/** `counts`: [F], how many values of each field were never seen. By field, without those that have none. */
export function unseenByField(counts: Uint32Array, { fields }: FittedSpec): Record<string, number> {
  return Object.fromEntries(fields.map(({ name }, f) => [name, counts[f] as number] as const).filter(([, n]) => n > 0));
}
