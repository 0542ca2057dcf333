// Writes a float32 model as ONNX: input `rows` [B, F] int64, outputs `logit` and `score` [B, 1] float32. For LR, FM,
// DeepFM and IPNN.
import { readFileSync } from "node:fs";
import type { ModelBlob } from "../../format/blob.ts";
import * as c from "../../format/constants.ts";
import type { DenseLayer } from "../../format/layer.ts";
import { fieldPairs, floatTables } from "./inputs.ts";
import { quantizeWeights } from "./quantize.ts";

/** The part of protobufjs that is used here; it comes with the peers. */
export interface Protobuf {
  parse(source: string, options: { keepCase: boolean }): { root: { lookupType(name: string): MessageType } };
}
interface MessageType {
  fromObject(object: object): object;
  encode(message: object): { finish(): Uint8Array };
}

/** Values of ONNX's TensorProto.DataType. */
const FLOAT = 1;
const INT8 = 3;
const INT64 = 7;
/** Values of ONNX's AttributeProto.AttributeType. */
const INT = 2;
const INTS = 7;
const IR_VERSION = 8;
/** The opset of ONNX 1.12, whose models have IR version 8. */
const OPSET = 17;

/**
 * Largest int8 weight: 7 bits, as with quantize_dynamic's `reduce_range`. onnxruntime's documentation recommends it for
 * processors without VNNI, where the sum of two products of 8 bits overflows 16. It makes nothing slower.
 */
const MOST_WEIGHT = 63;

/**
 * The model's bytes as ONNX. `int8`: with matrix products as onnxruntime's quantize_dynamic writes them, and one scale
 * per output.
 */
export function writeOnnx(protobuf: Protobuf, model: ModelBlob, int8: boolean): Uint8Array {
  const schema = readFileSync(new URL("onnx.proto", import.meta.url), "utf8");
  const type = protobuf.parse(schema, { keepCase: true }).root.lookupType("onnx.ModelProto");
  const graph = new GraphWriter(int8);
  writeModel(graph, model);
  const message = {
    ir_version: IR_VERSION,
    producer_name: "deepfm-edge bench",
    graph: {
      name: "model",
      node: graph.nodes,
      initializer: graph.initializers,
      input: [valueInfo("rows", INT64, ["batch", model.spec.fields.length])],
      output: [valueInfo("logit", FLOAT, ["batch", 1]), valueInfo("score", FLOAT, ["batch", 1])],
    },
    opset_import: [{ domain: "", version: OPSET }],
  };
  return type.encode(type.fromObject(message)).finish();
}

function writeModel(graph: GraphWriter, model: ModelBlob): void {
  const { embeddingDim: D, terms } = model;
  const F = model.spec.fields.length;
  const { w, v } = floatTables(model);
  const addends = [graph.floats("bias", [1], Float32Array.of(model.bias))];
  if (terms & c.TERM_LINEAR) {
    const weights = graph.node("Gather", [graph.floats("w", [w.length], w), "rows"]);
    addends.push(graph.node("ReduceSum", [weights, graph.ints("axis", [1])], { keepdims: 1 }));
  }
  if (D > 0) {
    const e = graph.node("Gather", [graph.floats("v", [v.length / D, D], v), "rows"]);
    if (terms & c.TERM_FM) addends.push(writeFm(graph, e));
    if (terms & c.TERM_MLP) {
      const flat = graph.node("Reshape", [e, graph.ints("flat", [-1, F * D])]);
      addends.push(writeMlp(graph, model, model.products ? withInnerProducts(graph, model, e, flat) : flat));
    }
  }
  const logit = addends.reduce((sum, term) => graph.node("Add", [sum, term]));
  // Were the bias the only addend, the logit would be [1] and not [B, 1]; every model here has another.
  graph.named("Identity", [logit], "logit");
  graph.named("Sigmoid", [logit], "score");
}

/** ½ Σ_j [(Σ_f e_fj)² − Σ_f e_fj²] */
function writeFm(graph: GraphWriter, e: string): string {
  const fieldAxis = graph.ints("fieldAxis", [1]);
  const sum = graph.node("ReduceSum", [e, fieldAxis], { keepdims: 0 });
  const squares = graph.node("ReduceSum", [graph.node("Mul", [e, e]), fieldAxis], { keepdims: 0 });
  const difference = graph.node("Sub", [graph.node("Mul", [sum, sum]), squares]);
  const twice = graph.node("ReduceSum", [difference, graph.ints("elementAxis", [1])], { keepdims: 1 });
  return graph.node("Mul", [twice, graph.floats("half", [1], Float32Array.of(0.5))]);
}

/** [flat | innerScale · ⟨e_i, e_j⟩ for i < j] */
function withInnerProducts(graph: GraphWriter, model: ModelBlob, e: string, flat: string): string {
  const F = model.spec.fields.length;
  if (model.products !== c.PRODUCT_INNER) throw new Error(`got products ${model.products}, expected inner ones`);
  const turned = graph.node("Transpose", [e], { perm: [0, 2, 1] });
  const all = graph.node("Reshape", [graph.node("MatMul", [e, turned]), graph.ints("pairs", [-1, F * F])]);
  const products = graph.node("Gather", [all, graph.ints("upper", fieldPairs(F))], { axis: 1 });
  const scale = graph.floats("innerScale", [1], Float32Array.of(model.innerScale));
  return graph.node("Concat", [flat, graph.node("Mul", [products, scale])], { axis: 1 });
}

function writeMlp(graph: GraphWriter, model: ModelBlob, input: string): string {
  let a = input;
  for (const layer of model.layers) {
    const y = graph.node("Add", [writeMatMul(graph, a, layer), graph.floats("b", [layer.outputs], layer.biases)]);
    a = graph.node("Relu", [y]);
  }
  const { outputWeights } = model;
  return writeMatMul(graph, a, { inputs: outputWeights.length, outputs: 1, weights: outputWeights });
}

function writeMatMul(graph: GraphWriter, a: string, layer: Pick<DenseLayer, "inputs" | "outputs" | "weights">): string {
  const { inputs, outputs } = layer;
  if (!graph.int8)
    return graph.node("MatMul", [
      a,
      graph.floats("W", [inputs, outputs], transposed({ inputs, outputs, weights: Float32Array.from(layer.weights) })),
    ]);
  const { weights, scales } = quantizeWeights(layer, MOST_WEIGHT);
  const [quantized, scale, zero] = graph.nodes3("DynamicQuantizeLinear", [a]);
  const zeros = graph.bytes("zeros", [outputs], new Int8Array(outputs));
  const products = graph.node("MatMulInteger", [
    quantized,
    graph.bytes("W", [inputs, outputs], transposed({ inputs, outputs, weights })),
    zero,
    zeros,
  ]);
  const factors = graph.node("Mul", [scale, graph.floats("scales", [outputs], scales)]);
  return graph.node("Mul", [graph.node("Cast", [products], { to: FLOAT }), factors]);
}

/** The weights [N, K] of a layer as [K, N]. */
function transposed<T extends Int8Array | Float32Array>(layer: { inputs: number; outputs: number; weights: T }): T {
  const { inputs, outputs, weights } = layer;
  const turned = weights.slice() as T;
  for (let n = 0; n < outputs; n++) {
    for (let k = 0; k < inputs; k++) turned[k * outputs + n] = weights[n * inputs + k];
  }
  return turned;
}

/** Collects a graph's nodes and constants. Each call adds one and returns the name of its output. */
class GraphWriter {
  readonly int8: boolean;
  readonly nodes: object[] = [];
  readonly initializers: object[] = [];
  #names = 0;

  constructor(int8: boolean) {
    this.int8 = int8;
  }

  node(op: string, inputs: string[], attributes: Record<string, number | number[]> = {}): string {
    return this.named(op, inputs, this.#name(op), attributes);
  }

  named(op: string, input: string[], output: string, attributes: Record<string, number | number[]> = {}): string {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      Array.isArray(value) ? { name, ints: value, type: INTS } : { name, i: value, type: INT },
    );
    this.nodes.push({ op_type: op, name: output, input, output: [output], attribute });
    return output;
  }

  /** A node with three outputs. */
  nodes3(op: string, input: string[]): [string, string, string] {
    const output: [string, string, string] = [this.#name(op), this.#name(op), this.#name(op)];
    this.nodes.push({ op_type: op, name: output[0], input, output });
    return output;
  }

  floats(name: string, dims: number[], data: Float32Array): string {
    return this.#initializer(name, dims, FLOAT, data);
  }

  ints(name: string, data: readonly number[]): string {
    return this.#initializer(name, [data.length], INT64, BigInt64Array.from(data, BigInt));
  }

  bytes(name: string, dims: number[], data: Int8Array): string {
    return this.#initializer(name, dims, INT8, data);
  }

  #initializer(name: string, dims: number[], type: number, data: Float32Array | BigInt64Array | Int8Array): string {
    const unique = this.#name(name);
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.push({ name: unique, dims, data_type: type, raw_data: raw });
    return unique;
  }

  #name(stem: string): string {
    return `${stem}_${this.#names++}`;
  }
}

function valueInfo(name: string, type: number, shape: (string | number)[]): object {
  const dim = shape.map((size) => (typeof size === "number" ? { dim_value: size } : { dim_param: size }));
  return { name, type: { tensor_type: { elem_type: type, shape: { dim } } } };
}
