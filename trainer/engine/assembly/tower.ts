import type { Mlp } from "../../model/mlp.ts";
import { Network, type OnLayer, type Shared } from "./network.ts";
import { type InputShape, NetworkInput } from "./network-input.ts";

/** One side of a two-tower model: the sum of its fields' embeddings plus its network over them. */
export class Tower {
  readonly network: Network;
  readonly #input: NetworkInput;
  readonly #shape: InputShape;
  readonly #shared: Shared;
  /** [trained, D]: the gradient of the tower's vectors, for whoever computes it. */
  readonly gradient: number;
  /** The address of the input of the last pass. */
  #at = 0;

  constructor(mlp: Mlp, fields: number, dim: number, picked: readonly number[], shared: Shared) {
    this.#shape = { fields, dim, picked, from: 0, products: 0, width: picked.length * dim };
    this.#shared = shared;
    this.#input = new NetworkInput(this.#shape, shared);
    this.network = new Network(mlp, shared);
    this.gradient = shared.memory.allocateNumbers(shared.trained * dim);
  }

  /** Computes the vectors [rows, D] of a batch with embeddings at `e`. Returns their address. */
  forward(e: number, rows: number, training: boolean, onLayer?: OnLayer): number {
    const { picked, dim } = this.#shape;
    this.#at = this.#input.forward(e, rows);
    this.network.forward(this.#at, rows, training, onLayer);
    this.#shared.kernels.addFields(this.#at, this.network.output, rows, picked.length, dim);
    return this.network.output;
  }

  /** Adds what comes of `gradient` to that of the embeddings at `de`. */
  backward(de: number, rows: number): void {
    const { picked, dim } = this.#shape;
    const dInput = this.#input.gradient(de);
    this.network.backward(this.#at, this.gradient, dInput, rows);
    this.#shared.kernels.addFieldsBackward(dInput, this.gradient, rows, picked.length, dim);
    this.#input.backward(de, rows);
  }
}
