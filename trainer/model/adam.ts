import type { NamedTensor } from "../safetensors.ts";

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Adam (Kingma and Ba 2015, algorithm 1) over one flat array. Lazy where it is given only some of the elements: those
 * that a batch does not use keep their value and moments, so a step costs as much as the batch uses.
 */
export class Adam {
  readonly #m: Float32Array;
  readonly #v: Float32Array;
  #step = 0;
  #rate = 0;

  constructor(size: number) {
    this.#m = new Float32Array(size);
    this.#v = new Float32Array(size);
  }

  state(): Record<string, NamedTensor> {
    const shape = [this.#m.length];
    return {
      m: { shape, data: this.#m },
      v: { shape, data: this.#v },
      step: { shape: [1], data: Uint32Array.of(this.#step) },
    };
  }

  restore({ m, v, step }: Record<string, NamedTensor>): void {
    if (!m || !v || !step) throw new Error("no state of Adam");
    this.#m.set(m.data);
    this.#v.set(v.data);
    this.#step = step.data[0] as number;
  }

  /** Begins a step: the same bias correction for all that it updates. */
  begin(learningRate: number): void {
    this.#step++;
    this.#rate = (learningRate * Math.sqrt(1 - BETA2 ** this.#step)) / (1 - BETA1 ** this.#step);
  }

  /** Updates values[at, at + length) by gradients[from, from + length) · scale. */
  update(values: Float32Array, at: number, gradients: Float32Array, from: number, length: number, scale: number): void {
    const m = this.#m;
    const v = this.#v;
    const epsilon = EPSILON * Math.sqrt(1 - BETA2 ** this.#step);
    for (let i = 0; i < length; i++) {
      const g = (gradients[from + i] as number) * scale;
      const mi = BETA1 * (m[at + i] as number) + (1 - BETA1) * g;
      const vi = BETA2 * (v[at + i] as number) + (1 - BETA2) * g * g;
      m[at + i] = mi;
      v[at + i] = vi;
      values[at + i] = (values[at + i] as number) - (this.#rate * mi) / (Math.sqrt(vi) + epsilon);
    }
  }
}
