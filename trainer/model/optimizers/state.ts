import { FormatError } from "../../../format/errors.ts";
import type { NamedTensor } from "../../io/safetensors.ts";

// An optimizer's state as tensors for a checkpoint, exact to the bit. A double is stored as two 32-bit words, as a
// checkpoint's tensors are of 32 bits.

export type OptimizerState = Record<string, NamedTensor>;

/** Shares the memory of the state, which may be large: to be written before the next step. */
export function saveFloats(data: Float32Array): NamedTensor {
  return { shape: [data.length], data };
}

/** Shares the memory, too. */
export function saveWords(data: Uint32Array): NamedTensor {
  return { shape: [data.length], data };
}

/** [n, 2]: each double's low and high word, on a little-endian machine. */
export function saveNumbers(list: readonly number[] | Float64Array): NamedTensor {
  return { shape: [list.length, 2], data: new Uint32Array(Float64Array.from(list).buffer) };
}

export function restoreFloats(state: OptimizerState, name: string, into: Float32Array): void {
  into.set(find(state, name, Float32Array, into.length));
}

export function restoreWords(state: OptimizerState, name: string, into: Uint32Array): void {
  into.set(find(state, name, Uint32Array, into.length));
}

export function restoreNumbers(state: OptimizerState, name: string, into: Float64Array): void {
  into.set(new Float64Array(find(state, name, Uint32Array, 2 * into.length).slice().buffer));
}

export function restoreThree(state: OptimizerState, name: string): [number, number, number] {
  const list = new Float64Array(3);
  restoreNumbers(state, name, list);
  return [...list] as [number, number, number];
}

/** Throws FormatError where a tensor is missing or has another type or length. */
function find<T extends Float32Array | Uint32Array>(
  state: OptimizerState,
  name: string,
  Type: abstract new (...args: never[]) => T,
  length: number,
): T {
  const data = state[name]?.data;
  if (!data) {
    throw new FormatError(
      "optimizer state",
      `got ${Object.keys(state).join(", ") || "nothing"}, expected ${name} in it`,
    );
  }
  if (data instanceof Type && data.length === length) return data;
  throw new FormatError(
    `optimizer state: ${name}`,
    `got ${data.length} elements, expected ${length} of type ${Type.name}`,
  );
}
