import * as c from "./constants.ts";
import { FormatError } from "./errors.ts";
import { type DenseLayer, findHeavyLane, isPadded, laneSums, packedBytes, padTo, unpackWeights } from "./layer.ts";
import { type LayerStack, ModelNumbers } from "./read-model.ts";

/** Reads the layer entries of section MODEL and the weights that they point at in section DENSE, and checks both. */
export class LayerReader {
  readonly #numbers: ModelNumbers;
  readonly #dense: Uint8Array;
  /** The end, in DENSE, of what was read last. Everything in DENSE must be in order, so that no byte is used twice. */
  #end = 0;

  constructor(model: Uint8Array, dense: Uint8Array) {
    this.#numbers = new ModelNumbers(model);
    this.#dense = dense;
  }

  /** The layers of a stack. The inputs of each are the outputs of the one before. */
  stack({ first, end, inputs, outputs }: LayerStack): DenseLayer[] {
    const layers: DenseLayer[] = [];
    let width = inputs;
    for (let i = first; i < end; i++) {
      const layer = this.#layer(i, width, i === end - 1 ? outputs : null);
      layers.push(layer);
      width = layer.outputs;
    }
    return layers;
  }

  /** The weights of the MLP's output unit, one for each unit of the last layer. */
  outputWeights(layers: readonly DenseLayer[], count: number): Float32Array {
    const width = layers.at(-1)?.outputs;
    if (count !== 0 && count !== width) refuse("MODEL", `got output width ${count}, expected ${width}`);
    const offset = this.#numbers.u32("output weights offset", c.MODEL_OUTPUT_WEIGHTS, 0, this.#dense.length);
    return this.#floats("output weight", offset, padTo(count, c.PAD_OUTPUTS), count);
  }

  /**
   * Layer i. `fixed` is given for the last layer of a tower: the number of outputs that it must have, and then it has
   * no activation. All other layers have one.
   */
  #layer(i: number, width: number, fixed: number | null): DenseLayer {
    const entry = c.MODEL_HEAD_BYTES + i * c.LAYER_ENTRY_BYTES;
    const u32 = (name: string, offset: number, low?: number, high?: number): number =>
      this.#numbers.u32(`layer ${i} ${name}`, entry + offset, low, high);
    const inputs = u32("inputs", c.LAYER_INPUTS, width, width);
    const outputs = u32("outputs", c.LAYER_OUTPUTS, fixed ?? 1, fixed ?? c.MAX_LAYER_WIDTH);
    const type = u32("weight type", c.LAYER_WEIGHT_TYPE, c.TYPE_F32, c.TYPE_I8);
    const activation =
      fixed === null
        ? u32("activation", c.LAYER_ACTIVATION, c.ACTIVATION_RELU, c.ACTIVATION_SIGMOID)
        : u32("activation", c.LAYER_ACTIVATION, c.ACTIVATION_NONE, c.ACTIVATION_NONE);
    const weightsAt = u32("weights offset", c.LAYER_WEIGHTS, 0, this.#dense.length);
    const size = packedBytes(type, inputs, outputs);
    const floats = (name: string, offset: number, length: number, used = length): Float32Array =>
      this.#floats(`layer ${i} ${name}`, offset, length, used);
    const perOutput = padTo(outputs, c.PAD_OUTPUTS);
    const int8 = type === c.TYPE_I8;
    const packed = int8
      ? new Int8Array(this.#bytes(`layer ${i} weights`, weightsAt, size).buffer)
      : floats("weight", weightsAt, size / 4);
    if (!isPadded(packed, inputs, outputs)) refuse("DENSE", `got a layer ${i} weight that is not zero in its padding`);
    const weights = int8 ? new Int8Array(inputs * outputs) : new Float32Array(inputs * outputs);
    unpackWeights(packed, inputs, outputs, weights);
    if (weights instanceof Int8Array) refuseHeavyLanes(weights, inputs, outputs, i);
    return {
      inputs,
      outputs,
      weights,
      scales: int8 ? floats("scale", u32("scales offset", c.LAYER_SCALES), perOutput, outputs) : NO_SCALES,
      biases: floats("bias", u32("biases offset", c.LAYER_BIASES), perOutput, outputs),
      activation,
      inputInverseScale: this.#numbers.f32(`layer ${i} input scale`, entry + c.LAYER_INPUT_INVERSE_SCALE),
      inputZero: this.#numbers.f32(`layer ${i} input zero`, entry + c.LAYER_INPUT_ZERO),
    };
  }

  /** The first `used` of `length` floats; the others are padding. */
  #floats(name: string, offset: number, length: number, used: number): Float32Array {
    const floats = new Float32Array(this.#bytes(name, offset, 4 * length).buffer);
    if (!floats.every(Number.isFinite)) refuse("DENSE", `got a ${name} that is not a finite number`);
    if (floats.subarray(used).some((x) => x !== 0)) refuse("DENSE", `got a ${name} that is not zero in its padding`);
    return floats.subarray(0, used);
  }

  /** A copy of `size` bytes of DENSE. */
  #bytes(name: string, offset: number, size: number): Uint8Array {
    const { length } = this.#dense;
    if (offset % c.SECTION_ALIGNMENT !== 0 || offset + size > length)
      refuse("MODEL", `got ${name} at ${offset}, expected an aligned place for ${size} bytes in ${length}`);
    if (offset < this.#end)
      refuse("MODEL", `got ${name} at ${offset}, expected at least ${this.#end}, where those before end`);
    this.#end = offset + size;
    return this.#dense.slice(offset, offset + size);
  }
}

/** Throws FormatError where a lane is so heavy that a kernel's 16-bit sums would overflow. */
function refuseHeavyLanes(weights: Int8Array, inputs: number, outputs: number, layer: number): void {
  const heavy = findHeavyLane(weights, inputs, outputs);
  if (!heavy) return;
  const { above, below } = laneSums(weights, inputs, heavy.n, heavy.k);
  refuse(
    "DENSE",
    `got layer ${layer} weights of output ${heavy.n} that add up to ${above} and ${below} ` +
      `in the lane of input ${heavy.k}, expected at most ${c.MAX_LANE_WEIGHT} and at least ${-c.MAX_LANE_WEIGHT}`,
  );
}

const NO_SCALES = new Float32Array(0);

function refuse(section: string, problem: string): never {
  throw new FormatError(`blob: section ${section}`, problem);
}
