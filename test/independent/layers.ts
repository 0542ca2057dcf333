import { viewOf } from "./container.ts";
import { firstInputs, type Head, MLP, TOWERS } from "./head.ts";
import { at, check } from "./refusal.ts";
import type { Spec } from "./spec.ts";

// Section 5, the layer entries of MODEL, and DENSE. Rules 12 and 13.

const ENTRY = 64;
const ALIGN = 64;

export interface Layer {
  /** W of shape N × K: numbers as stored, of int8 layers without their scales. */
  weights: number[][];
  bias: number[];
  activation: number;
  /** Of an int8 layer: N output scales, and the quantisation of the input. */
  int8: { scale: number[]; inverseScale: number; zero: number } | null;
}

function roundUp(x: number, multiple: number): number {
  return Math.ceil(x / multiple) * multiple;
}

/** `length` bytes of DENSE, where they are aligned and within it. */
function bytesAt(dense: Uint8Array, offset: number, length: number, rule: number): DataView {
  check(offset % ALIGN === 0, rule, `DENSE ${offset} is not aligned`);
  check(offset + length <= dense.length, rule, `DENSE ${offset}: ${length} bytes end beyond ${dense.length}`);
  return viewOf(dense.subarray(offset, offset + length));
}

/** All floats of a view, padding included. */
function floats(view: DataView, rule: number): number[] {
  const all = Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  check(all.every(Number.isFinite), rule, "DENSE: a float is not finite");
  return all;
}

/** A vector of n floats, stored with padding to a multiple of 8. */
function readVector(dense: Uint8Array, offset: number, n: number, rule: number): number[] {
  return floats(bytesAt(dense, offset, 4 * roundUp(n, 8), rule), rule).slice(0, n);
}

/** W of shape N × K from its packed form. */
function readWeights(dense: Uint8Array, offset: number, n: number, k: number, int8: boolean): number[][] {
  const K = roundUp(k, 4);
  const view = bytesAt(dense, offset, (int8 ? 1 : 4) * K * roundUp(n, 8), 12);
  const packed = int8 ? [] : floats(view, 12);
  const weight = (row: number, column: number): number => {
    const block = Math.floor(row / 4) * 4 * K;
    if (!int8) return at(packed, block + 4 * column + (row % 4));
    return view.getInt8(block + Math.floor(column / 4) * 16 + (row % 4) * 4 + (column % 4));
  };
  return Array.from({ length: n }, (_, row) => Array.from({ length: k }, (_, column) => weight(row, column)));
}

/** Reads the layers of the MLP, or of both towers. */
export function readLayers(entries: Uint8Array, dense: Uint8Array, head: Head, spec: Spec): Layer[] {
  const view = viewOf(entries);
  const towers = (head.parts & TOWERS) !== 0;
  let width = 0;
  return Array.from({ length: head.layers }, (_, l) => {
    const u32 = (offset: number) => view.getUint32(ENTRY * l + offset, true);
    const [K, N, type, activation] = [u32(0), u32(4), u32(8), u32(12)];
    if (l === 0) width = firstInputs(head, spec, towers ? "context" : undefined);
    else if (towers && l === head.contextLayers) width = firstInputs(head, spec, "item");
    const last = towers && (l === head.contextLayers - 1 || l === head.layers - 1);
    check(K === width, 12, `layer ${l}: got ${K} inputs, expected ${width}`);
    check(N >= 1 && N <= 8192 && (!last || N === head.dim), 12, `layer ${l}: got ${N} outputs`);
    check(type <= 1, 12, `layer ${l}: got weight type ${type}`);
    check(last ? activation === 0 : activation >= 1 && activation <= 3, 12, `layer ${l}: got activation ${activation}`);
    width = N;

    const [inverseScale, zero] = [view.getFloat32(ENTRY * l + 28, true), view.getFloat32(ENTRY * l + 32, true)];
    check(Number.isFinite(inverseScale) && Number.isFinite(zero), 12, `layer ${l}: its input is not quantised`);
    const weights = readWeights(dense, u32(16), N, K, type === 1);
    const int8 = type === 1 ? { scale: readVector(dense, u32(20), N, 12), inverseScale, zero } : null;
    return { weights, bias: readVector(dense, u32(24), N, 12), activation, int8 };
  });
}

/** Weights of the output unit; none without an MLP. */
export function readOutput(dense: Uint8Array, head: Head, stack: Layer[]): number[] {
  const n = head.parts & MLP ? stack.at(-1)?.bias.length : 0;
  check(head.outputInputs === n, 13, `got ${head.outputInputs} inputs of the output, expected ${n}`);
  return readVector(dense, head.outputOffset, n, 13);
}
