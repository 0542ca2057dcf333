import { readFile } from "node:fs/promises";
import { bestKernelVariant, type KernelVariant } from "../../runtime/variant.ts";
import * as tf from "./tfjs.ts";

// TensorFlow.js's wasm backend spends nine tenths of a training step in BatchMatMul. Where an operand is transposed, as
// in both gradients, it runs scalar code (1–3 GFLOP/s). This registers the product of assembly/gemm instead, which
// reads and writes the tensors in the backend's own memory: up to 48 GFLOP/s in every form, 40 without relaxed SIMD.
// bench/matmul.ts compares them.

/** The exports of assembly/gemm/index.ts. Addresses are offsets into the imported memory. */
export interface GemmExports {
  scratchBytes(): number;
  gemm(
    a: number,
    b: number,
    c: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    scratch: number,
  ): void;
}

/**
 * The members of tfjs-backend-wasm 4.22.0's `BackendWasm` that are used here. `asm` is internal, the others are public.
 */
interface WasmBackend {
  wasm: { asm: { memory: WebAssembly.Memory }; _malloc(bytes: number): number };
  dataIdMap: { get(id: object): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
}

const KERNEL = "BatchMatMul";
const CACHE_LINE = 64;

/**
 * Registers our product with the running wasm backend, for float32 matrices; other types and batches of matrices stay
 * with the stock kernel. Changes nothing and returns false where the backend is not the one known here, or the
 * JavaScript engine has no SIMD. Throws where `npm run build` has not made the module.
 */
export async function installWasmMatMul(variant: KernelVariant = bestKernelVariant()): Promise<boolean> {
  const stock = tf.getKernel(KERNEL, "wasm");
  const backend: unknown = tf.backend();
  if (tf.getBackend() !== "wasm" || !stock || !isWasmBackend(backend) || variant === "scalar") return false;
  const file = new URL(`../../build/gemm.${variant}.wasm`, import.meta.url);
  const gemm = instantiate(await WebAssembly.compile(await readFile(file)), backend);
  if (!gemm) return false;

  const kernelFunc = (call: Parameters<tf.KernelFunc>[0]): tf.TensorInfo | tf.TensorInfo[] => {
    const product = call.backend === backend && planProduct(call.inputs, call.attrs);
    if (!product) return stock.kernelFunc(call);
    const { a, b, m, n, k, transposeA, transposeB, shape } = product;
    const address = (tensor: tf.TensorInfo): number => backend.dataIdMap.get(tensor.dataId).memoryOffset;
    const out = backend.makeOutput(shape, "float32");
    gemm(address(a), address(b), address(out), m, n, k, transposeA, transposeB);
    return out;
  };
  tf.unregisterKernel(KERNEL, "wasm");
  tf.registerKernel({ ...stock, kernelFunc });
  return true;
}

type Gemm = (a: number, b: number, c: number, m: number, n: number, k: number, tA: boolean, tB: boolean) => void;

/** Returns null where the memory cannot be imported (a threaded build's is shared) or has no room left. */
function instantiate(module: WebAssembly.Module, { wasm }: WasmBackend): Gemm | null {
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(module, { env: { memory: wasm.asm.memory } });
  } catch (error) {
    if (error instanceof WebAssembly.LinkError) return null;
    throw error;
  }
  const exports = instance.exports as unknown as GemmExports;
  const block = wasm._malloc(exports.scratchBytes() + CACHE_LINE) >>> 0;
  if (block === 0) return null;
  const scratch = Math.ceil(block / CACHE_LINE) * CACHE_LINE;
  return (a, b, c, m, n, k, transposeA, transposeB) => exports.gemm(a, b, c, m, n, k, transposeA, transposeB, scratch);
}

interface Product {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
  shape: number[];
}

/** The sizes of op(a) [m, k] · op(b) [k, n]; null where the stock kernel is to compute it, or to throw its error. */
function planProduct(inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap | undefined): Product | null {
  const { a, b } = inputs;
  if (!a || !b || a.dtype !== "float32" || b.dtype !== "float32") return null;
  const [left, right] = [matrix(a.shape), matrix(b.shape)];
  if (!left || !right) return null;
  const [transposeA, transposeB] = [attrs?.transposeA === true, attrs?.transposeB === true];
  const [m, k] = transposeA ? [left[1], left[0]] : left;
  const [inner, n] = transposeB ? [right[1], right[0]] : right;
  if (k !== inner || m * n * k === 0) return null;
  const leading = new Array<number>(Math.max(a.shape.length, b.shape.length) - 2).fill(1);
  return { a, b, m, n, k, transposeA, transposeB, shape: [...leading, m, n] };
}

/** The last two dimensions; null where one before them is not 1. */
function matrix(shape: number[]): [number, number] | null {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) return null;
  return shape.slice(0, -2).every((size) => size === 1) ? [rows, columns] : null;
}

function isWasmBackend(backend: unknown): backend is WasmBackend {
  const { wasm, dataIdMap, makeOutput } = backend as Partial<WasmBackend>;
  return (
    wasm?.asm?.memory instanceof WebAssembly.Memory &&
    typeof wasm._malloc === "function" &&
    typeof dataIdMap?.get === "function" &&
    typeof makeOutput === "function"
  );
}
