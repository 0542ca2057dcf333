// What the bundler finds: the packages of bench/peers, which may not be there, and the module beside the script.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** The part of onnxruntime-web that is used here. */
declare module "onnxruntime-web/wasm" {
  export const env: { wasm: { numThreads: number; wasmBinary: ArrayBuffer } };
  export class Tensor {
    constructor(type: "int64", data: BigInt64Array, dims: readonly number[]);
    readonly data: Float32Array;
  }
  export const InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, Tensor>, outputs: readonly string[]): Promise<Record<string, Tensor>> }>;
  };
}
