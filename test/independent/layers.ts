import { viewOf } from "./container.ts";
import type { Dense } from "./dense.ts";
import { firstInputs, type Head, MLP, TOWERS } from "./head.ts";
import { check } from "./refusal.ts";
import type { Spec } from "./spec.ts";

// Section 5, the layer entries of MODEL. Rules 12 and 13.

const ENTRY = 64;

export interface Layer {
  /** W of shape N × K, as stored: the numbers of int8 layers are without their scales. */
  weights: number[][];
  bias: number[];
  activation: number;
  /** For an int8 layer: N scales of the outputs, and the quantization of the input. */
  int8: { scale: number[]; inverseScale: number; zero: number } | null;
}

/** Reads the layers of the MLP, or of both towers. */
export function readLayers(entries: Uint8Array, dense: Dense, head: Head, spec: Spec): Layer[] {
  const view = viewOf(entries);
  const towers = (head.terms & TOWERS) !== 0;
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
    check(Number.isFinite(inverseScale) && Number.isFinite(zero), 12, `layer ${l}: its input is not quantized`);
    const weights = dense.weights(u32(16), N, K, type === 1);
    const int8 = type === 1 ? { scale: dense.vector(u32(20), N, 12), inverseScale, zero } : null;
    return { weights, bias: dense.vector(u32(24), N, 12), activation, int8 };
  });
}

/** Weights of the output unit; none without an MLP. */
export function readOutput(dense: Dense, head: Head, stack: Layer[]): number[] {
  const n = head.terms & MLP ? stack.at(-1)?.bias.length : 0;
  check(head.outputWidth === n, 13, `got ${head.outputWidth} inputs of the output, expected ${n}`);
  return dense.vector(head.outputOffset, n, 13);
}
