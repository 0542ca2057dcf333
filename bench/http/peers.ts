// Other runtimes in a workerd of their own each, behind the routes of the Worker: peer/ has the Workers.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ModelBlob } from "../../format/blob.ts";
import { rowKeyHash } from "../../format/row-key.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { bestKernelVariant } from "../../runtime/variant.ts";
import { writeOnnx } from "../kernel/onnx.ts";
import { loadPeers } from "../kernel/peers.ts";
import { floatModel } from "./float-model.ts";
import { type HttpModel, valuesOf } from "./model.ts";
import { type BenchServer, startFolder } from "./server.ts";
import { wholeModel } from "./whole-model.ts";

export interface Peer extends BenchServer {
  name: string;
}

const PACKAGES = createRequire(new URL("../peers/package.json", import.meta.url));
/** What the packages take in Node alone. */
const NODE_ONLY = ["fs", "path", "os", "perf_hooks", "worker_threads", "module"];
const OWN = createRequire(import.meta.url);
const NODE_MODULES = fileURLToPath(new URL("../peers/node_modules", import.meta.url));

/**
 * Starts TensorFlow.js and, where it is installed, onnxruntime-web with the model in float32 and with its matrix
 * products in int8.
 */
export async function startPeers(model: HttpModel): Promise<Peer[]> {
  const float = floatModel(model);
  const vocabulary = vocabularyOf(float);
  await using stack = new AsyncDisposableStack();
  const start = async (name: string, script: string, wasm: string, bytes: Uint8Array): Promise<Peer> => {
    const server = stack.use(await startPeer(script, wasm));
    await put(server, "/vocabulary", vocabulary);
    await put(server, "/model", bytes);
    return { ...server, name };
  };
  const simd = OWN.resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
  const peers = [await start("tfjs-wasm", "tfjs.ts", simd, writeBlob(float))];
  const packages = await loadPeers();
  if (packages) {
    const wasm = PACKAGES.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
    for (const int8 of [false, true]) {
      const name = `onnxruntime-web-${int8 ? "int8" : "f32"}`;
      peers.push(await start(name, "onnxruntime.ts", wasm, writeOnnx(packages.protobuf, float, int8)));
    }
  }
  stack.move();
  return peers;
}

/** Starts the least Worker with our own kernel, with all rows of the model in its blob. */
export async function startLeast(model: HttpModel): Promise<BenchServer> {
  const kernel = fileURLToPath(new URL(`../../build/kernel.${bestKernelVariant()}.wasm`, import.meta.url));
  const server = await startPeer("least.ts", kernel);
  await put(server, "/model", writeBlob(wholeModel(model)));
  return server;
}

/** Bundles a Worker of peer/ with its module of WebAssembly, and starts it. */
async function startPeer(script: string, wasm: string): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-peer-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  copyFileSync(wasm, join(folder, "peer.wasm"));
  await build({
    entryPoints: [fileURLToPath(new URL(`peer/${script}`, import.meta.url))],
    outfile: join(folder, "index.js"),
    ...{ bundle: true, format: "esm", target: "es2024", nodePaths: [NODE_MODULES], logLevel: "error" },
    external: ["./peer.wasm", ...NODE_ONLY],
    // Else they take workerd for Node.
    define: { process: "undefined" },
    // This project's package.json names the built files that have side effects, and not their sources.
    ignoreAnnotations: true,
  });
  const server = stack.use(await startFolder(folder));
  const running = stack.move();
  return { url: server.url, pid: server.pid, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function put({ url }: BenchServer, path: string, body: string | Uint8Array): Promise<void> {
  const bytes = typeof body === "string" ? body : Uint8Array.from(body).buffer;
  const response = await fetch(new URL(path, url), { method: "PUT", body: bytes });
  if (!response.ok) throw new Error(`PUT ${path}: got ${response.status} ${await response.text()}`);
}

/** Row numbers by field and value, as JSON. */
function vocabularyOf({ spec, keys }: ModelBlob): string {
  const F = spec.fields.length;
  const wanted = new Map<bigint, number>();
  for (let i = 0; i < keys.length / 2; i++) wanted.set(word(keys[2 * i], keys[2 * i + 1]), F + i);
  const rows = spec.fields.map(({ name }, f) => {
    const hash = rowKeyHash(spec.hashKey, name);
    const entries = valuesOf(F, f).map((value): [string, number] => {
      const { lo, hi } = hash(value, { lo: 0, hi: 0 });
      const row = wanted.get(word(lo, hi));
      if (row === undefined) throw new Error(`${name} ${value}: got no row, expected one`);
      return [value, row];
    });
    return [name, Object.fromEntries(entries)];
  });
  return JSON.stringify(Object.fromEntries(rows));
}

function word(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo);
}
