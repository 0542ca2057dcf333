import * as tf from "@tensorflow/tfjs";
import { installWasmMatMul } from "./wasm-matmul.ts";

// What is changed of TensorFlow.js's wasm backend: with BatchNorm and dropout, a training step on a batch of 4096 then
// takes 269 ms where the backend as it comes takes 708 (10 fields × k 10, 400-400-400; bench/matmul.ts has the products).

const done = new WeakSet<object>();

/** Makes the running wasm backend faster, once. False where its matrix product had to stay as it is. */
export async function speedUpWasm(): Promise<boolean> {
  const backend = tf.backend();
  if (done.has(backend)) return true;
  if (!(await installWasmMatMul())) return false;
  shareIdentities();
  done.add(backend);
  return true;
}

interface Counting {
  incRef(id: object): void;
}

/** An identity shares its input's data, as Reshape does there already; the stock kernel copies it (23 ms a step). */
function shareIdentities(): void {
  const share = ({ inputs, backend }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo => {
    const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
    (backend as unknown as Counting).incRef(dataId);
    return { dataId, shape, dtype };
  };
  replace("Identity", (call, stock) => (call.inputs.x?.dtype === "string" ? stock(call) : share(call)));
  replace("Cast", (call, stock) => {
    const dtype = call.inputs.x?.dtype;
    return dtype === call.attrs?.dtype && dtype !== "string" ? share(call) : stock(call);
  });
}

type Call = Parameters<tf.KernelFunc>[0];
type Result = ReturnType<tf.KernelFunc>;

function replace(name: string, kernel: (call: Call, stock: tf.KernelFunc) => Result): void {
  const stock = tf.getKernel(name, "wasm");
  if (!stock) return;
  tf.unregisterKernel(name, "wasm");
  tf.registerKernel({ ...stock, kernelFunc: (call) => kernel(call, stock.kernelFunc) });
}
