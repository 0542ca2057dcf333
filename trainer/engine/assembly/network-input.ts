import { innerProductCount } from "../../../format/blob.ts";
import { PRODUCT_INNER, PRODUCT_OUTER } from "../../../format/constants.ts";
import { type FieldList, fieldList } from "./field-list.ts";
import type { TrainingKernels } from "./kernels.ts";
import type { Shared } from "./network.ts";

/** What a network's input is made of. */
export interface InputShape {
  /** F and D of the gathered embeddings. */
  fields: number;
  dim: number;
  /** The fields whose embeddings it has. */
  picked: readonly number[];
  /** It has v[from, D) of each of them. */
  from: number;
  /** PRODUCT_… of the blob format: what stands behind the embeddings. */
  products: number;
  /** K */
  width: number;
}

/**
 * A network's input [B, K] and its gradient. Where it is the gathered embeddings as they are, it is not copied, and the
 * network writes its gradient into that of the embeddings.
 */
export class NetworkInput {
  readonly #shape: InputShape;
  readonly #kernels: TrainingKernels;
  readonly #list: FieldList;
  /** Whether the input is the gathered embeddings. */
  readonly isDirect: boolean;
  readonly #input: number;
  readonly #gradient: number;

  constructor(shape: InputShape, { memory, kernels, records, trained }: Shared) {
    const { fields, picked, from, products, width } = shape;
    this.#shape = shape;
    this.#kernels = kernels;
    this.isDirect = from === 0 && products === 0 && picked.length === fields && picked.every((f, i) => f === i);
    this.#list = fieldList(memory, picked);
    this.#input = this.isDirect ? 0 : memory.allocateNumbers(records * width);
    this.#gradient = this.isDirect ? 0 : memory.allocateNumbers(trained * width);
  }

  /** Computes the input of a batch with embeddings at `e`. Returns its address. */
  forward(e: number, rows: number): number {
    if (this.isDirect) return e;
    const { fields, dim, from, products } = this.#shape;
    const { address, count } = this.#list;
    const kernels = this.#kernels;
    const { stride, d, inner, outer } = this.#places;
    kernels.pickFields(e, rows, fields, dim, from, d, address, count, this.#input, stride);
    if (products & PRODUCT_INNER) kernels.innerProducts(this.#input, rows, stride, inner, count, d);
    if (products & PRODUCT_OUTER) kernels.outerProducts(this.#input, rows, stride, outer, count, d);
    return this.#input;
  }

  /** Where a network is to write the gradient of its input; `de`: that of the embeddings. */
  gradient(de: number): number {
    return this.isDirect ? de : this.#gradient;
  }

  /** Adds the gradient of the input to that of the embeddings at `de`. */
  backward(de: number, rows: number): void {
    if (this.isDirect) return;
    const { fields, dim, from, products } = this.#shape;
    const { address, count } = this.#list;
    const kernels = this.#kernels;
    const { stride, d, inner, outer } = this.#places;
    const [x, dx] = [this.#input, this.#gradient];
    if (products & PRODUCT_INNER) kernels.innerProductsBackward(x, dx, rows, stride, inner, count, d);
    if (products & PRODUCT_OUTER) kernels.outerProductsBackward(x, dx, rows, stride, outer, count, d);
    kernels.pickFieldsBackward(de, rows, fields, dim, from, d, address, count, dx, stride);
  }

  /** The bytes of a row, the length of a field's part of it, and the bytes before each kind of products. */
  get #places(): { stride: number; d: number; inner: number; outer: number } {
    const { dim, from, products, width } = this.#shape;
    const { count } = this.#list;
    const d = dim - from;
    const inner = 4 * count * d;
    const outer = inner + (products & PRODUCT_INNER ? 4 * innerProductCount(count) : 0);
    return { stride: 4 * width, d, inner, outer };
  }
}
