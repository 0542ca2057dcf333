import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeSafetensors } from "../../../trainer/io/safetensors.ts";
import { engineOfCheckpoint } from "../../../trainer/training/checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "checkpoint.safetensors");

const epoch = { epoch: 1, learningRate: 0.1, loss: 0.5, auc: null, logloss: 0.6, seconds: 1 };
const counts = { steps: 3, records: 12, lossSum: 7.5, learningRate: 0.1, drops: 1, waited: 0 };
const METADATA = {
  ...{ identity: "1-2 3-4 5-6 12", engine: "assembly", backend: "simd", stage: "training" },
  ...{ position: { epochs: [epoch], ...counts, best: epoch, done: false }, random: [1, 2, 3, 4, null] },
};

/** What asks for the engine of a checkpoint with such metadata. */
function engineOf(metadata: Record<string, unknown>): ReturnType<typeof engineOfCheckpoint> {
  const texts = Object.entries(metadata).map(([key, value]) => [key, JSON.stringify(value)]);
  writeSafetensors(path, {}, Object.fromEntries(texts));
  return engineOfCheckpoint(folder);
}

describe("a checkpoint's metadata", () => {
  it("name the engine; without one it is TensorFlow.js, as in earlier versions", () => {
    expect(engineOf(METADATA)).toMatchObject({ engine: "assembly" });
    const { engine: _, backend: __, ...older } = METADATA;
    expect(engineOf(older)).toMatchObject({ engine: "tfjs" });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["another engine", { engine: "abacus" }, 'engine: got "abacus", expected ("assembly" | "tfjs")'],
    ["another stage", { stage: "x" }, 'stage: got "x", expected ("pretraining" | "training")'],
    ["no position", { position: null }, "position: got null, expected Object"],
    ["an epoch without its number", { position: { ...METADATA.position, epochs: [{}] } }, "position.epochs[0].epoch"],
    ["a negative count", { position: { ...METADATA.position, records: -1 } }, "position.records: got -1, expected >=0"],
    ["a text for a rate", { position: { ...METADATA.position, learningRate: "x" } }, 'position.learningRate: got "x"'],
    ["half a generator", { random: [1, 2] }, "random[2]"],
  ])("with %s are refused by the place", (_, change, problem) => {
    expect(() => engineOf({ ...METADATA, ...change })).toThrow(`${path}: ${problem}`);
  });
});
