// An epoch that was cut off and goes on: what is said of it is of the whole epoch, and its progress of what is left.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import type { LogPart } from "../../../trainer/data/logs.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { assemblyEngine } from "../../../trainer/engine/assembly-engine.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { Checkpoints } from "../../../trainer/training/checkpoint.ts";
import { type Position, Training } from "../../../trainer/training/epochs.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

const ENGINE = { engine: "assembly", backend: "simd" } as const;

async function trainingWith(
  position: Partial<Position> = {},
): Promise<{ training: Training; checkpoints: Checkpoints }> {
  const spec = tinyRunSpec({}, { maxEpochs: 1 });
  const { fitted, vocabulary, source } = await openTrainingLog(spec, logs.train, logs.cache);
  const valid = await openHeldOutLog(spec, { fitted, vocabulary }, logs.valid, logs.cache);
  const training = new Training(new Learner(spec, vocabulary, assemblyEngine()), spec, source, valid);
  Object.assign(training.position, position);
  return { training, checkpoints: new Checkpoints(folder, ENGINE, spec, vocabulary, { train: source, valid }) };
}

it("the checkpoint has the seconds of the steps so far, and the epoch's are all of them", async () => {
  const { training, checkpoints } = await trainingWith();
  const stop = new Error("stop");
  const run = training.run("epoch", () => {
    if (training.position.steps < 3) return;
    training.position.seconds += 1000;
    checkpoints.save("training", training);
    throw stop;
  });
  await expect(run).rejects.toBe(stop);
  const { training: resumed } = await trainingWith();
  checkpoints.restore(resumed);
  expect(resumed.position).toMatchObject({ steps: 3, seconds: training.position.seconds });
  await resumed.run("epoch");
  expect(resumed.position.epochs[0]?.seconds).toBeGreaterThan(training.position.seconds);
  expect(resumed.position.seconds).toBe(0);
});

it("a checkpoint is of its logs, also where another training's spec and values are the same", async () => {
  const { training, checkpoints } = await trainingWith();
  checkpoints.save("training", training);
  expect(checkpoints.stage()).toBe("training");
  const other = async (train: LogPart, valid: LogPart): Promise<Checkpoints> => {
    const spec = tinyRunSpec({}, { maxEpochs: 1 });
    const log = await openTrainingLog(spec, train, logs.cache);
    const heldOut = await openHeldOutLog(spec, log, valid, logs.cache);
    return new Checkpoints(folder, ENGINE, spec, log.vocabulary, { train: log.source, valid: heldOut });
  };
  const [head = "", first = "", ...lines] = readFileSync(logs.train.paths[0] ?? "", "utf8").split("\n");
  const [label, ...cells] = first.split(",");
  const relabeled = join(folder, "relabeled.csv");
  writeFileSync(relabeled, [head, [1 - Number(label), ...cells].join(","), ...lines].join("\n"));
  for (const [train, valid] of [
    [logs.train, logs.test],
    [{ paths: [relabeled] }, logs.valid],
  ] as const)
    await expect(other(train, valid).then((of) => of.stage())).rejects.toThrow(
      `${checkpoints.path}: got a checkpoint of another training, expected one of this spec and these logs`,
    );
});

it("the bar ends at 100 %", async () => {
  const { training } = await trainingWith({ steps: 3, records: 3 * 256, learned: 3 * 256, lossSum: 400 });
  const tty = Object.getOwnPropertyDescriptor(process.stderr, "isTTY");
  let shown = "";
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    shown += text;
    return true;
  });
  // Each look at the clock is a second after the one before, so that every step is drawn.
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => {
    now += 1000;
    return now;
  });
  Object.defineProperty(process.stderr, "isTTY", { value: true, configurable: true });
  try {
    await training.run("epoch");
  } finally {
    if (tty) Object.defineProperty(process.stderr, "isTTY", tty);
    else Reflect.deleteProperty(process.stderr, "isTTY");
    clock.mockRestore();
    write.mockRestore();
  }
  const shares = [...shown.matchAll(/ (\d+) %/g)].map(([, share]) => Number(share));
  expect([shares[0], Math.max(...shares)]).toEqual([0, 100]);
  expect(shown).toContain("  0.0 s left");
});
