import { TERM_ALL, TERM_FM, TERM_LINEAR, TERM_MLP, TERM_TOWERS } from "../../../format/constants.ts";
import { UserError } from "../../errors.ts";
import type { ModelDefinition } from "../../model/model.ts";
import { type FieldList, fieldList } from "./field-list.ts";
import { Network, type OnLayer, type Shared } from "./network.ts";
import { NetworkInput } from "./network-input.ts";
import { Tower } from "./tower.ts";

/** The addresses of a batch's gathered rows, or of their gradients. */
export interface RowPlaces {
  /** [B, F·D] */
  embeddings: number;
  /** [B, F] */
  linear: number;
}

/** Receives the input [B, K] of a network's layer. */
export type OnInput = (network: string, layer: number, address: number, width: number) => void;

/** Both towers of a two-tower model. */
export interface Towers {
  context: Tower;
  item: Tower;
  /** The item's fields. */
  itemFields: FieldList;
}

/** The logit of every model in an engine's memory: the sum of w₀ and the definition's terms, as in graph.ts. */
export class Logit {
  readonly #definition: Required<ModelDefinition>;
  readonly #fields: number;
  readonly #shared: Shared;
  readonly #all: FieldList;
  readonly #mlp: { input: NetworkInput; network: Network } | null = null;
  readonly towers: Towers | null = null;
  #mlpAt = 0;

  constructor(definition: Required<ModelDefinition>, fields: number, shared: Shared) {
    const { terms, rowDim: dim, networks, towers, mlpFrom: from, products } = definition;
    if (terms & ~TERM_ALL)
      throw new UserError("got a term that --engine assembly does not have, expected --engine tfjs for this model");
    this.#definition = definition;
    this.#fields = fields;
    this.#shared = shared;
    const picked = Array.from({ length: fields }, (_, f) => f);
    this.#all = fieldList(shared.memory, picked);
    const [first, second] = networks;
    if (terms & TERM_TOWERS && first && second) {
      const context = new Tower(first, fields, dim, towers.context, shared);
      const item = new Tower(second, fields, dim, towers.item, shared);
      this.towers = { context, item, itemFields: fieldList(shared.memory, towers.item) };
    } else if (terms & TERM_MLP && first) {
      const shape = { fields, dim, picked, from, products, width: first.inputs };
      this.#mlp = { input: new NetworkInput(shape, shared), network: new Network(first, shared) };
    }
  }

  /** Adds the terms to `logits` [rows], where w₀ is already. */
  forward(batch: RowPlaces, logits: number, rows: number, training: boolean, onInput?: OnInput): void {
    const { kernels } = this.#shared;
    const { terms, rowDim, fmDim } = this.#definition;
    const { address, count } = this.#all;
    if (terms & TERM_LINEAR) kernels.addLinear(batch.linear, logits, rows, this.#fields, address, count);
    if (terms & TERM_FM) kernels.fmForward(batch.embeddings, logits, rows, this.#fields, rowDim, fmDim);
    if (this.#mlp) {
      const { input, network } = this.#mlp;
      this.#mlpAt = input.forward(batch.embeddings, rows);
      network.forward(this.#mlpAt, rows, training, listener(network, onInput));
      kernels.f32_add(network.output, logits, rows);
    }
    if (this.towers) {
      const { u, i } = this.vectors(batch, rows, training, onInput);
      kernels.towersForward(u, i, logits, rows, rowDim);
    }
  }

  /** Computes the vectors of both towers, [rows, D] each, and returns their addresses. */
  vectors(
    { embeddings }: RowPlaces,
    rows: number,
    training: boolean,
    onInput?: OnInput,
  ): { u: number; i: number; towers: Towers } {
    if (!this.towers) throw new Error("the model has no towers");
    const { context, item } = this.towers;
    const u = context.forward(embeddings, rows, training, listener(context.network, onInput));
    const i = item.forward(embeddings, rows, training, listener(item.network, onInput));
    return { u, i, towers: this.towers };
  }

  /**
   * Writes the gradients of the rows at `d`, and those of the networks' weights, from `dLogits` [rows]. The last
   * `forward` must have been one of training on this batch.
   */
  backward(batch: RowPlaces, dLogits: number, d: RowPlaces, rows: number): void {
    const { kernels } = this.#shared;
    const { terms, rowDim, fmDim } = this.#definition;
    const { address, count } = this.#all;
    const linear = terms & TERM_LINEAR ? count : 0;
    kernels.addLinearBackward(d.linear, dLogits, rows, this.#fields, address, linear);
    if (this.#mlp) {
      const { input, network } = this.#mlp;
      if (!input.isDirect) this.#clear(d, rows);
      network.backward(this.#mlpAt, dLogits, input.gradient(d.embeddings), rows);
      input.backward(d.embeddings, rows);
    } else {
      this.#clear(d, rows);
    }
    if (terms & TERM_FM) kernels.fmBackward(batch.embeddings, dLogits, d.embeddings, rows, this.#fields, rowDim, fmDim);
    if (this.towers) {
      const { context, item } = this.towers;
      kernels.towersBackward(item.network.output, dLogits, context.gradient, rows, rowDim);
      kernels.towersBackward(context.network.output, dLogits, item.gradient, rows, rowDim);
      this.towersBackward(d, rows);
    }
  }

  /** Adds what comes of the towers' gradients to those of the embeddings. */
  towersBackward(d: RowPlaces, rows: number): void {
    this.towers?.context.backward(d.embeddings, rows);
    this.towers?.item.backward(d.embeddings, rows);
  }

  #clear({ embeddings }: RowPlaces, rows: number): void {
    this.#shared.memory.floats(embeddings, rows * this.#fields * this.#definition.rowDim).fill(0);
  }
}

function listener({ mlp }: Network, onInput: OnInput | undefined): OnLayer | undefined {
  return onInput && ((layer, address, width) => onInput(mlp.name, layer, address, width));
}
