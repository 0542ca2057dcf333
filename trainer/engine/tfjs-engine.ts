import type { Random } from "../data/random.ts";
import type { Batch, Engine, Gradients, OnActivations } from "../model/engine.ts";
import type { Model } from "../model/model.ts";
import type { Parameters } from "../model/parameters.ts";
import { DropoutMasks } from "./dropout.ts";
import type { Pass, Tensors, TrainingPass } from "./forward.ts";
import { type Inputs, inBatchLoss, logisticLoss, logits, vectors } from "./graph.ts";
import * as tf from "./tfjs.ts";

/** The engine of TensorFlow.js, on the backend that has been started. */
export function tfjsEngine(model: Model, random: Random): Engine {
  return new TfjsEngine(model, random);
}

class TfjsEngine implements Engine {
  readonly #model: Model;
  readonly #dropout: DropoutMasks;

  constructor(model: Model, random: Random) {
    this.#model = model;
    this.#dropout = new DropoutMasks(random);
  }

  gradients(batch: Batch, onLoss?: () => void): Gradients {
    const { parameters, usesLinear } = this.#model;
    const moments = new Map<string, tf.Tensor>();
    const training: TrainingPass = {
      dropoutMask: (rows, columns, rate) => this.#dropout.mask(rows, columns, rate),
      onMoments: (layer, mean, variance) => {
        moments.set(`${layer}.mean`, tf.keep(mean)).set(`${layer}.variance`, tf.keep(variance));
      },
    };
    // Autodiff refuses an input that the loss does not depend on, such as rows without a vector.
    const uses = { embeddings: batch.dim > 0, linear: usesLinear };
    const inputNames = (["embeddings", "linear"] as const).filter((name) => uses[name]);
    const { value, grads } = tf.tidy(() => {
      const inputs = inputsOf(batch);
      const lossOf = this.#loss(batch);
      const loss = (...tensors: tf.Tensor[]): tf.Scalar => {
        const seen = { ...inputs };
        inputNames.forEach((name, i) => {
          seen[name] = tensors[i] as tf.Tensor2D;
        });
        const weights = named(parameters, tensors.slice(inputNames.length));
        const value = lossOf(seen, { weights, runningStats: {}, training });
        onLoss?.();
        return value;
      };
      return tf.valueAndGrads(loss)([...inputNames.map((name) => inputs[name]), ...tensorsOf(parameters)]);
    });
    const gradient = (name: keyof Inputs, size: number): Float32Array => {
      const i = inputNames.indexOf(name);
      return i < 0 ? new Float32Array(size) : (grads[i]?.dataSync() as Float32Array);
    };
    const result: Gradients = {
      loss: value.dataSync()[0],
      dense: flatten(parameters, named(parameters, grads.slice(inputNames.length))),
      dEmbeddings: gradient("embeddings", batch.size * batch.fields * batch.dim),
      dLinear: gradient("linear", batch.size * batch.fields),
      batchStats: flatten(this.#model.runningStats, Object.fromEntries(moments)),
    };
    tf.dispose([value, grads, ...moments.values()]);
    return result;
  }

  logits(batch: Batch, onActivations?: OnActivations): Float32Array {
    return tf.tidy(() => {
      const pass = this.#inference();
      if (onActivations) {
        pass.onActivations = (network, layer, input) => onActivations(network, layer, input.dataSync() as Float32Array);
      }
      return logits(this.#model.definition, inputsOf(batch), pass).dataSync() as Float32Array;
    });
  }

  vectors(batch: Batch): { context: Float32Array; item: Float32Array } {
    return tf.tidy(() => {
      const { context, item } = vectors(this.#model.definition, inputsOf(batch), this.#inference());
      return { context: context.dataSync() as Float32Array, item: item.dataSync() as Float32Array };
    });
  }

  ownLoss(batch: Batch): number {
    return tf.tidy(() => this.#loss(batch)(inputsOf(batch), this.#inference()).dataSync()[0]);
  }

  /** What the model minimizes, as a function of a batch's gathered rows. */
  #loss(batch: Batch): (inputs: Inputs, pass: Pass) => tf.Scalar {
    const { definition } = this.#model;
    const { size, labels, weights, items } = batch;
    if (definition.loss === "in-batch") {
      if (items === null) throw new Error("got a batch without items, expected them for the in-batch loss");
      const rows = tf.tensor2d(Float32Array.from(items.rows), [size, 1]);
      const logShares = tf.tensor2d(items.logShares, [1, size]);
      return (inputs, pass) => inBatchLoss(definition, inputs, rows, logShares, pass);
    }
    const targets = tf.tensor2d(labels.slice(0, size), [size, 1]);
    const recordWeights = weights && tf.tensor2d(weights.slice(0, size), [size, 1]);
    return (inputs, pass) => logisticLoss(logits(definition, inputs, pass), targets, recordWeights);
  }

  #inference(): Pass {
    const { parameters, runningStats } = this.#model;
    return {
      weights: named(parameters, tensorsOf(parameters)),
      runningStats: named(runningStats, tensorsOf(runningStats)),
      training: null,
    };
  }
}

function inputsOf({ size, fields, dim, embeddings, linear }: Batch): Inputs {
  return {
    embeddings: tf.tensor2d(embeddings.slice(0, size * fields * dim), [size, fields * dim]),
    linear: tf.tensor2d(linear.slice(0, size * fields), [size, fields]),
  };
}

/** All parameters on the backend, in the order in which they were defined. */
function tensorsOf(parameters: Parameters): tf.Tensor[] {
  return [...parameters.shapes].map(([name, shape]) => tf.tensor(parameters.view(name), shape));
}

/** Tensors in the order of the parameters, by the parameters' names. */
function named(parameters: Parameters, tensors: readonly tf.Tensor[]): Tensors {
  return Object.fromEntries([...parameters.shapes.keys()].map((name, i) => [name, tensors[i]]));
}

/** One flat array, laid out as the parameters' values, of tensors by their names. */
function flatten(parameters: Parameters, tensors: Tensors): Float32Array {
  const flat = new Float32Array(parameters.values.length);
  for (const name of parameters.shapes.keys()) parameters.view(name, flat).set(tensors[name].dataSync());
  return flat;
}
