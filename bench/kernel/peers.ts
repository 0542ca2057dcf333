// Loads the packages of bench/peers. They are optional: the repository's own `npm ci` does not install them.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Protobuf } from "./onnx.ts";

/** The part of onnxruntime-node and onnxruntime-web that is used here. */
export interface Onnxruntime {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: new (type: "int64", data: BigInt64Array, dims: readonly number[]) => Tensor;
  env: { wasm: { numThreads: number; proxy: boolean }; logLevel: string };
}
interface Tensor {
  data: Float32Array;
}
interface Session {
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

export const HOW_TO_GET_PEERS = "npm ci --prefix bench/peers";

export interface Peers {
  node: Onnxruntime;
  web: Onnxruntime;
  protobuf: Protobuf;
}

/** Null if they are not installed. */
export async function loadPeers(): Promise<Peers | null> {
  const { resolve } = createRequire(new URL("../peers/package.json", import.meta.url));
  const load = async (name: string): Promise<unknown> => {
    const loaded = await import(pathToFileURL(resolve(name)).href);
    return loaded.default ?? loaded;
  };
  try {
    resolve("onnxruntime-node");
  } catch {
    return null;
  }
  const node = (await load("onnxruntime-node")) as Onnxruntime;
  const web = (await load("onnxruntime-web")) as Onnxruntime;
  web.env.wasm.numThreads = 1;
  web.env.wasm.proxy = false;
  return { node, web, protobuf: (await load("protobufjs")) as Protobuf };
}
