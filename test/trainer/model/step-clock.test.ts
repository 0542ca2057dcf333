import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../trainer/data/random.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import type { EngineFactory } from "../../../trainer/model/engine.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { PARTS, StepClock } from "../../../trainer/model/step-clock.ts";
import { randomDataset, tinySpec, tinyVocabulary } from "../tiny.ts";

const ENGINES: [string, EngineFactory][] = [
  ["assembly", assemblyEngine()],
  ["tfjs", tfjsEngine],
];

describe("StepClock", () => {
  beforeAll(async () => {
    await startBackend("wasm");
  });

  it.each(ENGINES)("gives each part of a step on %s its time, and no more than all of it", (_, engineOf) => {
    const random = new Random(1);
    const spec = tinySpec({ embeddingDim: 4, hidden: [64, 64] });
    const vocabulary = tinyVocabulary(spec.fields.length, 20, random);
    const { dataset } = randomDataset(200, spec.fields.length, vocabulary.size, random);
    const learner = new Learner(spec, vocabulary, engineOf);
    const started = performance.now();
    learner.clock.clear();
    learner.step(
      dataset,
      Uint32Array.from({ length: 200 }, (_, i) => i),
      0.01,
    );
    const elapsed = performance.now() - started;
    const { input, ...parts } = learner.clock.ms;
    expect(input).toBe(0);
    for (const ms of Object.values(parts)) expect(ms).toBeGreaterThan(0);
    expect(Object.values(parts).reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(elapsed);
  });

  it("has shares that add up to 1, and none before it has run", () => {
    const clock = new StepClock();
    expect(clock.share("input")).toBe(0);
    for (const part of PARTS) clock.lap(part);
    expect(PARTS.reduce((sum, part) => sum + clock.share(part), 0)).toBeCloseTo(1, 12);
    clock.clear();
    expect(clock.share("input")).toBe(0);
  });
});
