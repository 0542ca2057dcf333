import { type NamedTensor, tensorData } from "../io/safetensors.ts";

/**
 * The dense weights of a model by name, in one flat array on the host: the optimizer runs over it as it does over rows,
 * and saving, clipping and restoring need no engine.
 */
export class Parameters {
  /** The shape of each parameter, in the order in which they lie in `values`. */
  readonly shapes = new Map<string, number[]>();
  readonly #starts = new Map<string, number>();
  values: Float32Array = new Float32Array(0);

  /** Adds a parameter, filled by `init`, which is called once for each element in row-major order. */
  define(name: string, shape: number[], init: () => number): void {
    const start = this.values.length;
    const values = new Float32Array(start + sizeOf(shape));
    values.set(this.values);
    for (let i = start; i < values.length; i++) values[i] = init();
    this.values = values;
    this.shapes.set(name, shape);
    this.#starts.set(name, start);
  }

  /** Keeps the values in another array from here on, such as one in an engine's memory. */
  moveTo(values: Float32Array): void {
    values.set(this.values);
    this.values = values;
  }

  /** A view of one parameter inside a flat array of all: of the values themselves, or of their gradients. */
  view(name: string, flat: Float32Array = this.values): Float32Array {
    const start = this.#starts.get(name);
    const shape = this.shapes.get(name);
    if (start === undefined || !shape)
      throw new Error(`no parameter ${name}; there are ${[...this.shapes.keys()].join(", ")}`);
    return flat.subarray(start, start + sizeOf(shape));
  }

  /** A flat array of all parameters as tensors by name. They share its memory. */
  toTensors(flat: Float32Array): Record<string, NamedTensor> {
    return Object.fromEntries([...this.shapes].map(([name, shape]) => [name, { shape, data: this.view(name, flat) }]));
  }

  /** The inverse of `toTensors`. Throws FormatError where a tensor is missing or has another type or shape. */
  fromTensors(tensors: Record<string, NamedTensor>, place: string): Float32Array {
    const flat = new Float32Array(this.values.length);
    for (const [name, shape] of this.shapes) this.view(name, flat).set(tensorData(tensors, name, "F32", shape, place));
    return flat;
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
