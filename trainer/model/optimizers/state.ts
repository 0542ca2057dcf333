import { FormatError } from "../../../format/errors.ts";
import type { NamedTensor } from "../../io/safetensors.ts";

// An optimizer's state as tensors for a checkpoint: exact to the bit. Doubles travel as pairs of 32-bit words, as a
// checkpoint's tensors are of 32 bits.

export type OptimizerState = Record<string, NamedTensor>;

export function saveFloats(data: Float32Array): NamedTensor {
  return { shape: [data.length], data: data.slice() };
}

export function saveWords(data: Uint32Array): NamedTensor {
  return { shape: [data.length], data: data.slice() };
}

/** [n, 2]: each double's low and high word, on a little-endian machine. */
export function saveNumbers(list: readonly number[] | Float64Array): NamedTensor {
  return { shape: [list.length, 2], data: new Uint32Array(Float64Array.from(list).buffer) };
}

export function restoreFloats(state: OptimizerState, name: string, into: Float32Array): void {
  const { data } = find(state, name);
  if (!(data instanceof Float32Array) || data.length !== into.length) throw misfit(name, data.length, into.length);
  into.set(data);
}

export function restoreWords(state: OptimizerState, name: string, into: Uint32Array): void {
  const { data } = find(state, name);
  if (!(data instanceof Uint32Array) || data.length !== into.length) throw misfit(name, data.length, into.length);
  into.set(data);
}

export function restoreNumbers(state: OptimizerState, name: string, into: Float64Array): void {
  const { data } = find(state, name);
  if (!(data instanceof Uint32Array) || data.length !== 2 * into.length)
    throw misfit(name, data.length, 2 * into.length);
  into.set(new Float64Array(data.slice().buffer));
}

export function restoreThree(state: OptimizerState, name: string): [number, number, number] {
  const list = new Float64Array(3);
  restoreNumbers(state, name, list);
  return [...list] as [number, number, number];
}

function find(state: OptimizerState, name: string): NamedTensor {
  const tensor = state[name];
  if (!tensor) {
    throw new FormatError(
      "optimizer state",
      `got ${Object.keys(state).join(", ") || "nothing"}, expected ${name} in it`,
    );
  }
  return tensor;
}

function misfit(name: string, got: number, expected: number): FormatError {
  return new FormatError(`optimizer state: ${name}`, `got ${got} elements, expected ${expected} of its type`);
}
