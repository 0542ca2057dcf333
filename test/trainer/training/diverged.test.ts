// A model whose numbers have run away is neither kept nor exported, whatever the loss looks like.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { startBackend } from "../../../trainer/engine/backend.ts";
import { tfjsEngine } from "../../../trainer/engine/tfjs-engine.ts";
import { DivergedError } from "../../../trainer/errors.ts";
import { exportRun } from "../../../trainer/export/export-run.ts";
import { inBatchLossLimit, loglossLimit } from "../../../trainer/model/divergence.ts";
import { Learner } from "../../../trainer/model/learner.ts";
import { Training } from "../../../trainer/training/epochs.ts";
import { runRecord } from "../../../trainer/training/run-record.ts";
import { type TrainingResult, train } from "../../../trainer/training/train.ts";
import { CommandFolder } from "../../cli/cli-process.ts";
import { TEST_BACKEND } from "../backend.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await startBackend(TEST_BACKEND);
});

const options = { train: logs.train, valid: logs.valid, cache: logs.cache, backend: TEST_BACKEND } as const;

describe("the largest logloss", () => {
  it("is ten times that of a model that says the training log's click rate", () => {
    expect(loglossLimit(0.5, 0.5)).toBeCloseTo(10 * Math.LN2, 12);
    expect(loglossLimit(0.25, 0.5)).toBeCloseTo(10 * Math.LN2, 12);
    expect(loglossLimit(1, 0.02)).toBeCloseTo(-10 * Math.log(0.02), 12);
    expect(loglossLimit(0, 0.5)).toBeCloseTo(10 * Math.LN2, 12);
  });

  it("is above what a model says after few steps, where clicks are rare", () => {
    expect(loglossLimit(0.001, 0.001)).toBe(2 * Math.LN2);
    expect(inBatchLossLimit(1)).toBeGreaterThan(Math.LN2);
    expect(inBatchLossLimit(256)).toBeCloseTo(10 * Math.log(256), 12);
  });
});

describe("a training whose first epoch diverges", () => {
  it.each<[string, RegExp, object, object]>([
    [
      "is refused by the loss",
      /^epoch 1 diverged: the \w+ logloss is \d\S*, expected at most /,
      {},
      { learningRate: 1e3 },
    ],
    ["is refused where the loss is large", /^epoch 1 diverged: /, {}, { learningRate: 1e6 }],
    ["is refused where the loss is no number", /^epoch 1 diverged: .*(NaN|Infinity)/, {}, { learningRate: 1e30 }],
    ["is refused in an FNN's pre-training", /^FM epoch 1 diverged: /, { type: "FNN" }, { learningRate: 1e6 }],
    ["is refused as a linear model", /^epoch 1 diverged: /, { type: "LR" }, { learningRate: 1e6, optimizer: "ftrl" }],
    [
      "is refused as a two-tower model",
      /^epoch 1 diverged: /,
      { type: "two-tower" },
      { learningRate: 1e6, loss: "in-batch", itemField: "category" },
    ],
  ])("%s", async (_, message, model, training) => {
    const spec = tinyRunSpec(model, training);
    const error: Error = await train(spec, options).then(
      () => new Error("it was kept"),
      (thrown) => thrown,
    );
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`try a learningRate below ${spec.training.learningRate}`);
    expect(error).toBeInstanceOf(DivergedError);
  });
});

describe("raw numbers that are too large", () => {
  const commands = new CommandFolder();
  afterAll(() => commands[Symbol.dispose]());
  const lines = Array.from({ length: 400 }, (_, i) => `${Number(i % 3 === 0)},u${i % 9},${1_700_000_000 + 977 * i}`);
  commands.file("log.csv", `label,user,time\n${lines.join("\n")}\n`);
  const specOf = (encoding: object): string =>
    JSON.stringify({
      name: "times",
      fields: [
        { name: "user", type: "categorical" },
        { name: "time", type: "numeric", encoding },
      ],
      training: { maxEpochs: 2 },
    });
  const trainOn = (spec: string, out: string) =>
    commands.run("train", spec, "--train", "log.csv", "--valid", "log.csv", "--out", out, "--backend", TEST_BACKEND);

  it("end in one line that names the field and what it needs, and leave no model", async () => {
    commands.file("raw.json", specOf({ kind: "value" }));
    const { code, stderr } = await trainOn("raw.json", "raw");
    expect(stderr).toMatch(
      /^error: epoch 1 diverged: .*; try the encoding \{"kind": "spline"\} for time, or a learningRate below 0\.001$/m,
    );
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(code).toBe(1);
    expect(existsSync(join(commands.path, "raw", "model.safetensors"))).toBe(false);
  });

  it("are no fault where they are scaled", async () => {
    commands.file("scaled.json", specOf({ kind: "value", scale: "standard" }));
    const { code } = await trainOn("scaled.json", "scaled");
    expect(code).toBe(0);
  });
});

describe("a training that diverges after a good epoch", () => {
  /** Trains, and spoils the weights after the first epoch. */
  async function trainAndSpoil(spoil: (learner: Learner) => void): Promise<{ training: Training; warned: string }> {
    const spec = tinyRunSpec({}, { maxEpochs: 5 });
    const { fitted, vocabulary, source } = await openTrainingLog(spec, logs.train, logs.cache);
    const valid = await openHeldOutLog(spec, { fitted, vocabulary }, logs.valid, logs.cache);
    const training = new Training(new Learner(spec, vocabulary, tfjsEngine), spec, source, valid);
    let warned = "";
    const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      warned += text;
      return true;
    });
    try {
      await training.run("epoch", undefined, ({ epoch }) => {
        if (epoch === 2) spoil(training.learner);
      });
    } finally {
      write.mockRestore();
    }
    return { training, warned };
  }

  it.each<[string, (learner: Learner) => void, RegExp]>([
    ["its loss", ({ tables }) => void tables.values.fill(Number.NaN), /the loss of a batch became NaN/],
    [
      "a row that neither a batch nor validation uses",
      // The OOV row of `country`: every country has a row of its own.
      ({ tables }) => void tables.values.fill(1e30, 0, 1),
      /a number of the rows is 1\.\d+e\+30, expected at most 1\.2e\+18/,
    ],
    [
      "its bias",
      ({ model }) => void model.parameters.view("bias").fill(1e9),
      /the validation logloss is \d+e?\+?\d*, exp/,
    ],
  ])("by %s ends with the best weights so far, and says so", async (_, spoil, problem) => {
    const { training, warned } = await trainAndSpoil(spoil);
    expect(warned).toMatch(new RegExp(`^warning: epoch 3 diverged: ${problem.source}.*; training ends with the`, "m"));
    const { best, epochs, done } = training.position;
    expect(done).toBe(true);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    const kept = training.learner.weights();
    expect(kept).toEqual(training.bestWeights);
    expect(best?.logloss).toBeLessThan(1);
  });
});

describe("the export of a diverged model", () => {
  let trained: TrainingResult;
  beforeAll(async () => {
    trained = await train(tinyRunSpec(), options);
  });

  async function exportIt(out: string, force: boolean, spec = trained.spec, log = logs.valid): Promise<void> {
    await using heldOutLog = await openPart(spec, log);
    await exportRun(
      { ...trained, spec },
      {
        folder: join(folder, out),
        quantization: "int8",
        limits: { auc: 1, logloss: 1 },
        force,
        calibrationLog: await openHeldOutLog(trained.spec, trained, logs.valid, logs.cache),
        heldOutLog,
        trainedWith: runRecord(trained.spec, trained.engine),
      },
    );
  }

  function spoiled(spoil: (learner: Learner) => void): Disposable {
    const weights = trained.learner.weights();
    spoil(trained.learner);
    return { [Symbol.dispose]: () => trained.learner.restore(weights) };
  }

  it("is refused where a weight is no number, forced or not", async () => {
    using _ = spoiled(({ tables }) => void tables.values.fill(Number.NaN, 40, 41));
    for (const force of [false, true])
      await expect(exportIt("nan", force)).rejects.toThrow("tiny has diverged: a number of the rows is NaN");
    expect(existsSync(join(folder, "nan"))).toBe(false);
  });

  it("is refused where its logloss is out of all proportion, unless forced", async () => {
    using _ = spoiled(({ model }) => void model.parameters.view("bias").fill(1e5));
    await expect(exportIt("wild", false)).rejects.toThrow(
      /^tiny has diverged: the logloss on .*valid\.csv is \d+\.?\d*, expected at most 69\.08; .*--force exports it/,
    );
    expect(existsSync(join(folder, "wild"))).toBe(false);
    await exportIt("wild", true);
    expect(existsSync(join(folder, "wild", "export.json"))).toBe(true);
  });

  it("is not what a log says that has no record, or none with a weight", async () => {
    const [head = "", ...lines] = readFileSync(logs.valid.paths[0] ?? "", "utf8")
      .trim()
      .split("\n");
    const empty = join(folder, "empty.csv");
    writeFileSync(empty, `${head}\n`);
    const weightless = join(folder, "weightless.csv");
    writeFileSync(weightless, [`${head},w`, ...lines.map((line) => `${line},0`)].join("\n"));
    const weighted = { ...trained.spec, data: { ...trained.spec.data, weight: "w" } };
    for (const force of [false, true]) {
      await expect(exportIt("none", force, trained.spec, { paths: [empty] })).rejects.toThrow(
        `${empty}: got no rows, expected at least one`,
      );
      await expect(exportIt("none", force, weighted, { paths: [weightless] })).rejects.toThrow(
        `${weightless}: column w: got 0 in all ${lines.length} records, expected some above 0`,
      );
    }
    expect(existsSync(join(folder, "none"))).toBe(false);
  });

  it("is exported where it has not", async () => {
    await exportIt("good", false);
    expect(existsSync(join(folder, "good", "export.json"))).toBe(true);
  });
});
