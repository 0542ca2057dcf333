import type { Random } from "../data/random.ts";
import type { Engine, EngineFactory } from "../model/engine.ts";
import type { Model } from "../model/model.ts";

// TensorFlow.js's engine for models that are made before it is loaded, as those of saved runs are.

let factory: EngineFactory | null = null;

/** Called with the engine when a backend has been started. */
export function provideTfjs(engine: EngineFactory): void {
  factory = engine;
}

/** An engine that computes from when a backend has been started; until then each call throws. */
export function startedTfjs(model: Model, random: Random): Engine {
  let made: Engine | null = null;
  const engine = (): Engine => {
    if (factory === null) throw new Error("got no backend of TensorFlow.js, expected one that startEngine has started");
    made ??= factory(model, random);
    return made;
  };
  return {
    gradients: (batch, onLoss) => engine().gradients(batch, onLoss),
    logits: (batch, onActivations) => engine().logits(batch, onActivations),
    vectors: (batch) => engine().vectors(batch),
    ownLoss: (batch) => engine().ownLoss(batch),
  };
}
