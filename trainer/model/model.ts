import { TERM_LINEAR } from "../../format/constants.ts";
import type { Random } from "../data/random.ts";
import { defineMlp, defineRunningStats, type Mlp } from "./mlp.ts";
import { Parameters } from "./parameters.ts";

/** What one model is: the shape of its rows and the terms that its logit sums. An engine computes them. */
export interface ModelDefinition {
  /** D, the length of a row's vector; 0 where a row is a weight w alone. */
  rowDim: number;
  /** The terms that the logit sums beside w₀: TERM_… of the blob format. */
  terms: number;
  /** FM's factors are v[0, fmDim). */
  fmDim?: number;
  /** An MLP's input embeddings are v[mlpFrom, D). */
  mlpFrom?: number;
  /** PRODUCT_… of the blob format: what stands beside the embeddings in the MLP's input. */
  products?: number;
  /** The MLP; or the context tower's network and the item tower's. */
  networks?: readonly Mlp[];
  /** The fields of each tower; empty where the model has none. */
  towers?: TowerFields;
  /** What training minimizes. */
  loss?: "logistic" | "in-batch";
}

/** The fields over which each tower of a two-tower model is. */
export interface TowerFields {
  context: readonly number[];
  item: readonly number[];
}

/** A definition with its dense weights. Rows live in the tables (`tables.ts`). */
export class Model {
  readonly definition: Required<ModelDefinition>;
  /** What is trained: `bias` [1] (w₀), and the weights of the networks by name. */
  readonly parameters = new Parameters();
  /** The running mean and variance of each layer with BatchNorm. */
  readonly runningStats = new Parameters();

  constructor(definition: ModelDefinition, random: Random) {
    this.definition = {
      fmDim: 0,
      mlpFrom: 0,
      products: 0,
      networks: [],
      towers: { context: [], item: [] },
      loss: "logistic",
      ...definition,
    };
    this.parameters.define("bias", [1], () => 0);
    for (const network of this.definition.networks) {
      defineMlp(this.parameters, network, random);
      defineRunningStats(this.runningStats, network);
    }
  }

  /** Whether a row's w is part of the logit. */
  get usesLinear(): boolean {
    return (this.definition.terms & TERM_LINEAR) !== 0;
  }
}
