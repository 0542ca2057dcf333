import { MAX_EMBEDDING_DIM } from "../../format/constants.ts";
import type { ResolvedSpec } from "../../format/spec.ts";
import { MODELS } from "../../trainer/model/zoo/index.ts";
import type { SearchSpace } from "./space.ts";

/** Trials of a quick search: the spec's own settings, and others around them. */
export const QUICK_TRIALS = 10;
/** The fewest epochs that a quick search judges a trial by: after one or two, a high learning rate always leads. */
export const QUICK_MIN_EPOCHS = 3;

/** By how much a learning rate may be off at most, either way, and by how much l2. */
const RATE_FACTOR = 4;
const L2_FACTOR = 30;

/** What decides most of how well a model does on a log, around the settings that it has by default. */
export function quickSpace(spec: ResolvedSpec): SearchSpace {
  const { model, training } = spec;
  const { networks = [], rowDim } = MODELS[model.type](spec);
  const { embeddingDim: k } = model;
  return {
    parameters: {
      "training.learningRate": around(training.learningRate, RATE_FACTOR),
      ...(training.l2 > 0 && { "training.l2": around(training.l2, L2_FACTOR) }),
      ...(rowDim > 0 && {
        "model.embeddingDim": choice([Math.max(1, Math.round(k / 2)), k, twice(spec)]),
      }),
      ...(networks.length > 0 && {
        "model.dropout": choice([0, 0.1, 0.3, 0.5]),
        "model.hidden": choice([model.hidden, model.hidden.map((units) => Math.ceil(units / 2))]),
      }),
    },
  };
}

/** Twice the embedding's size, or as much of that as a blob's rows have room for. */
function twice({ model, ...spec }: ResolvedSpec): number {
  const fits = (embeddingDim: number): boolean =>
    MODELS[model.type]({ ...spec, model: { ...model, embeddingDim } }).rowDim <= MAX_EMBEDDING_DIM;
  let embeddingDim = 2 * model.embeddingDim;
  while (embeddingDim > model.embeddingDim && !fits(embeddingDim)) embeddingDim--;
  return embeddingDim;
}

function around(value: number, factor: number): SearchSpace["parameters"][string] {
  return { type: "log-uniform", low: value / factor, high: value * factor };
}

function choice(values: unknown[]): SearchSpace["parameters"][string] {
  return { type: "choice", values };
}
