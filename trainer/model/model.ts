import type * as tf from "@tensorflow/tfjs";
import { TERM_LINEAR } from "../../format/constants.ts";
import type { FeatureSpec } from "../../format/spec.ts";
import type { Random } from "../data/random.ts";
import { defineMlp, defineRunningStats, type Mlp, mlp, type Pass } from "./mlp.ts";
import { Parameters, type Tensors } from "./parameters.ts";

/** A batch as the graph sees it: rows already gathered, multiplied by their values and pooled a field. */
export interface ModelInputs {
  /** [B, F·D]: the fields' embeddings e₁ … e_F side by side. */
  embeddings: tf.Tensor2D;
  /** [B, F]: each field's Σ w·x over its entries. */
  linear: tf.Tensor2D;
}

/** What one model is: the shape of its rows, what of them enters which term of the logit, and the graph. */
export interface ModelDefinition {
  /** D, the length of a row's vector; 0 where rows are a weight w alone. */
  rowDim: number;
  /** The terms that the logit sums, as PART_… of the blob format. */
  terms: number;
  /** FM's factors are v[0, fmDim). */
  fmDim?: number;
  /** An MLP's input embeddings are v[mlpFrom, D). */
  mlpFrom?: number;
  /** PRODUCT_… of the blob format, beside the embeddings in the MLP's input. */
  products?: number;
  /** The MLP; of the two-tower model, the context tower's and the item tower's. */
  networks?: readonly Mlp[];
  /** [B, 1] */
  logits(inputs: ModelInputs, forward: Forward): tf.Tensor2D;
  /** Two vectors a record whose inner product is the logit, up to what all items of a context share: both [B, width]. */
  vectors?(inputs: ModelInputs, forward: Forward): SideVectors;
  /** The loss, where it is not the logistic one. */
  loss?(inputs: ModelInputs, batch: LossInputs, forward: Forward): tf.Scalar;
}

/** What retrieval takes: the context's vector and the item's. */
export interface SideVectors {
  context: tf.Tensor2D;
  item: tf.Tensor2D;
}

/** What a loss other than the logistic one needs of a batch. */
export interface LossInputs {
  /** [B, 1]: each record's item, as a number that is the same for the same item. */
  items: tf.Tensor2D;
  /** [1, B]: ln of the probability with which drawing a positive record brings this record's item. */
  logFrequencies: tf.Tensor2D;
}

/** The dense weights of a forward pass, and how to run a network with them. */
export interface Forward {
  /** [1]: w₀ */
  bias: tf.Tensor1D;
  mlp(network: Mlp, input: tf.Tensor2D): tf.Tensor2D;
}

/** A definition with its dense weights. Rows live outside the graph (`tables.ts`). */
export class Model {
  readonly definition: Required<Omit<ModelDefinition, "logits" | "vectors" | "loss">>;
  readonly parameters = new Parameters();
  readonly runningStats = new Parameters();
  readonly #graph: ModelDefinition;

  constructor(graph: ModelDefinition, random: Random) {
    const { rowDim, terms, fmDim = 0, mlpFrom = 0, products = 0, networks = [] } = graph;
    this.definition = { rowDim, terms, fmDim, mlpFrom, products, networks };
    this.#graph = graph;
    this.parameters.define("bias", [1], () => 0);
    for (const network of networks) {
      defineMlp(this.parameters, network, random);
      defineRunningStats(this.runningStats, network);
    }
  }

  logits(inputs: ModelInputs, weights: Tensors, runningStats: Tensors, pass: Pass): tf.Tensor2D {
    return this.#graph.logits(inputs, forwardOf(weights, runningStats, pass));
  }

  /** The context's and the item's vectors. Throws where the model has no towers. */
  vectors(inputs: ModelInputs, weights: Tensors, runningStats: Tensors, pass: Pass): SideVectors {
    const { vectors } = this.#graph;
    if (!vectors) throw new Error("the model has no towers");
    return vectors(inputs, forwardOf(weights, runningStats, pass));
  }

  /** Whether a row's w is part of the logit. */
  get usesLinear(): boolean {
    return (this.definition.terms & TERM_LINEAR) !== 0;
  }

  /** The model's own loss, or null where it is the logistic loss of its logits. */
  get loss():
    | ((inputs: ModelInputs, batch: LossInputs, weights: Tensors, runningStats: Tensors, pass: Pass) => tf.Scalar)
    | null {
    const { loss } = this.#graph;
    if (!loss) return null;
    return (inputs, batch, weights, runningStats, pass) => loss(inputs, batch, forwardOf(weights, runningStats, pass));
  }
}

function forwardOf(weights: Tensors, runningStats: Tensors, pass: Pass): Forward {
  return {
    bias: weights.bias as tf.Tensor1D,
    mlp: (network, input) => mlp(input, network, weights, runningStats, pass),
  };
}

/** A hidden network as the spec shapes it. */
export function network(name: string, inputs: number, spec: FeatureSpec["model"], outputs = 1): Mlp {
  const { hidden, activation, dropout, batchNorm } = spec;
  return { name, inputs, hidden, activation, dropout, batchNorm, outputs };
}
