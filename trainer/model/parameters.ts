import * as tf from "@tensorflow/tfjs";

export type Tensors = Record<string, tf.Tensor>;

/**
 * The dense weights of a model, named, in one flat array on the host: the optimizer runs over it as it does over
 * rows, and saving, clipping and restoring need no backend.
 */
export class Parameters {
  readonly shapes = new Map<string, number[]>();
  readonly #starts = new Map<string, number>();
  values = new Float32Array(0);

  /** Adds a parameter, filled by `init`, which is called once an element in row-major order. */
  define(name: string, shape: number[], init: () => number): void {
    const size = shape.reduce((a, b) => a * b, 1);
    const start = this.values.length;
    const values = new Float32Array(start + size);
    values.set(this.values);
    for (let i = start; i < values.length; i++) values[i] = init();
    this.values = values;
    this.shapes.set(name, shape);
    this.#starts.set(name, start);
  }

  /** A view of one parameter's values inside a flat array of all (the values themselves, or their gradients). */
  view(name: string, flat: Float32Array = this.values): Float32Array {
    const start = this.#starts.get(name);
    const shape = this.shapes.get(name);
    if (start === undefined || !shape)
      throw new Error(`no parameter ${name}; there are ${[...this.shapes.keys()].join(", ")}`);
    return flat.subarray(start, start + shape.reduce((a, b) => a * b, 1));
  }

  /** All parameters on the backend, in the order in which they were defined. The caller disposes of them. */
  tensors(): tf.Tensor[] {
    return [...this.shapes].map(([name, shape]) => tf.tensor(this.view(name), shape));
  }

  named(tensors: readonly tf.Tensor[]): Tensors {
    return Object.fromEntries([...this.shapes.keys()].map((name, i) => [name, tensors[i]]));
  }
}
