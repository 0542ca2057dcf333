// How many trainings of a sweep run side by side where memory is short.
import { rmSync } from "node:fs";
import { afterAll, afterEach, expect, it, vi } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { FeatureSpecSchema } from "../../../format/spec.ts";
import { laneCount } from "../../../lab/sweeps/lane-count.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { tinyLog } from "../../trainer/tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const RUNNING = { engine: "assembly", backend: "simd", device: "cpu", threads: 8, versions: {} } as const;

function specOf(type: string, embeddingDim?: number) {
  const fields = [{ name: "country", type: "categorical" }];
  const model = { type, ...(embeddingDim !== undefined && { embeddingDim }) };
  return parseWith(FeatureSpecSchema, { name: "lanes", fields, model }, "spec");
}

it.each([
  ["LR", undefined, 1],
  ["DeepFM", 4, 5],
  ["DeepFM", undefined, 9], // 8 is what follows from the log
  ["FM & DNN", 4, 9], // whose FM and network have vectors of their own
  ["FM & DNN", undefined, 17],
] as const)("%s with embeddingDim %s counts %i numbers a row", async (type, embeddingDim, width) => {
  const spec = specOf(type, embeddingDim);
  const { vocabulary } = await openTrainingLog(spec, logs.train, logs.cache);
  const lane = 2 ** 30 + 4 * 5 * vocabulary.size * width;
  // Half of the memory is taken: room for three trainings, and for no fourth one, to the byte.
  const memory = vi.spyOn(process, "availableMemory").mockReturnValue(2 * 3 * lane);
  expect(await laneCount(undefined, 8, [specOf("LR"), spec], logs, RUNNING)).toBe(3);
  memory.mockReturnValue(2 * 3 * lane - 2);
  expect(await laneCount(undefined, 8, [specOf("LR"), spec], logs, RUNNING)).toBe(2);
});
