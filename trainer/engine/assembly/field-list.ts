import type { LinearMemory } from "./memory.ts";

/** The numbers of some fields in an engine's memory. */
export interface FieldList {
  address: number;
  count: number;
}

export function fieldList(memory: LinearMemory, fields: readonly number[]): FieldList {
  const address = memory.allocateNumbers(fields.length);
  memory.integers(address, fields.length).set(fields);
  return { address, count: fields.length };
}
