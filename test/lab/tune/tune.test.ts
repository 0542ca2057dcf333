import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseFeatureSpec } from "../../../format/spec.ts";
import { rungsOf } from "../../../lab/tune/rungs.ts";
import { parseSearchSpace } from "../../../lab/tune/space.ts";
import { type Trial, TrialLog } from "../../../lab/tune/trial-log.ts";
import { tune } from "../../../lab/tune/tune.ts";
import { runCommand } from "../../cli/cli-process.ts";
import { runHere } from "../../cli/command-here.ts";
import { endedAt } from "../../killed-process.ts";
import { tinyLog, tinyRunSpec } from "../../trainer/tiny-run.ts";

const { folder, log, logs: allLogs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));
const logs = { ...allLogs, test: null };
const spec = tinyRunSpec({}, { maxEpochs: 4, patience: 4 });
const SPACE = {
  parameters: {
    "training.learningRate": { type: "log-uniform", low: 1e-4, high: 0.1 },
    "model.hidden": { type: "choice", values: [[8], [4, 4]] },
  },
};
const space = parseSearchSpace(JSON.stringify(SPACE), "space.json");
const lines = (path: string): Trial[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const { crc32, ...trial } = JSON.parse(line);
      expect(crc32).toMatch(/^[0-9a-f]{8}$/);
      return trial;
    });

describe("rungs", () => {
  it("have 1/η of the trials and η times the epochs of the one before", () => {
    expect(rungsOf(27, 27, 1, 3)).toEqual([
      { trials: 27, epochs: 1 },
      { trials: 9, epochs: 3 },
      { trials: 3, epochs: 9 },
      { trials: 1, epochs: 27 },
    ]);
    expect(rungsOf(9, 20, 2, 3)).toEqual([
      { trials: 9, epochs: 2 },
      { trials: 3, epochs: 6 },
      { trials: 1, epochs: 20 },
    ]);
    expect(rungsOf(5, 4, 4, 2)).toEqual([{ trials: 5, epochs: 4 }]);
    expect(rungsOf(2, 9, 1, 3).map(({ trials }) => trials)).toEqual([2, 1, 1]);
  });
});

describe("tune", () => {
  it.each(["logloss", "auc"] as const)(
    "by %s: trains all trials on the first rung, the best of each on the next, returns the best of the last",
    async (monitor) => {
      const spec = tinyRunSpec({}, { maxEpochs: 4, patience: 4, monitor });
      const rungs = rungsOf(4, 4, 1, 2);
      const name = `halving-${monitor}`;
      const options = { logs, rungs, seed: 3, folder: join(folder, name), backend: "wasm" } as const;
      const { best, trials, history, spec: found } = await tune(spec, space, "space.json", options);
      const all = lines(join(folder, name, "trials.jsonl"));
      const budgets = (epochs: number): Trial[] => all.filter(({ budget }) => budget === epochs);
      expect([1, 2, 4].map((epochs) => budgets(epochs).length)).toEqual([4, 2, 1]);
      for (const [lower, higher] of [
        [1, 2],
        [2, 4],
      ] as const) {
        const cost = ({ valid }: Trial): number => (monitor === "auc" ? -(valid.auc ?? 0) : (valid.logloss ?? 0));
        const ranked = budgets(lower).sort((a, b) => cost(a) - cost(b));
        const promoted = budgets(higher).map(({ trial }) => trial);
        expect(promoted).toEqual(ranked.slice(0, promoted.length).map(({ trial }) => trial));
      }
      expect(best).toEqual(budgets(4)[0]);
      expect(trials[0]).toEqual(best);
      expect(history).toEqual(all);
      expect(trials.map(({ trial }) => trial).sort()).toEqual([1, 2, 3, 4]);
      expect(found.training.learningRate).toBe(best.settings["training.learningRate"]);
      expect(found.training.maxEpochs).toBe(4);
      expect(found.fields).toEqual(spec.fields);

      // A second search takes all trials from the log, and removes a last line that a kill cut short.
      const path = join(folder, name, "trials.jsonl");
      const text = readFileSync(path, "utf8");
      writeFileSync(path, `${text}{"key":"12`);
      expect((await tune(spec, space, "space.json", options)).best).toEqual(best);
      expect(readFileSync(path, "utf8")).toBe(text);
    },
  );

  it("numbers the trials of another search in the same folder as its own", async () => {
    const options = {
      logs,
      rungs: [{ trials: 3, epochs: 1 }],
      folder: join(folder, "other"),
      backend: "wasm",
    } as const;
    const values = [0.01, 0.02, 0.03];
    const one = parseSearchSpace(
      JSON.stringify({ parameters: { "training.learningRate": { type: "choice", values } } }),
      "one.json",
    );
    const first = await tune(spec, one, "one.json", { ...options, seed: 3 });
    const two = parseSearchSpace(
      JSON.stringify({ parameters: { ...one.parameters, "training.seed": { type: "choice", values: [1] } } }),
      "two.json",
    );
    const { trials, best, spec: found } = await tune(spec, two, "two.json", { ...options, seed: 1 });
    const rates = (list: readonly Trial[]): unknown[] => list.map(({ settings }) => settings["training.learningRate"]);
    expect(rates(trials)).toEqual(rates(first.trials));
    expect(trials.map(({ valid }) => valid)).toEqual(first.trials.map(({ valid }) => valid));
    expect(trials.map(({ trial }) => trial)).not.toEqual(first.trials.map(({ trial }) => trial));
    expect(best.settings).toEqual({ "training.learningRate": found.training.learningRate, "training.seed": 1 });
    expect(lines(join(folder, "other", "trials.jsonl"))).toHaveLength(3);
  });

  it("does not train a trial again that had stopped early", async () => {
    const rungs = [
      { trials: 1, epochs: 12 },
      { trials: 1, epochs: 13 },
    ];
    const options = { logs, rungs, seed: 1, folder: join(folder, "early"), backend: "wasm" } as const;
    const hasty = tinyRunSpec({}, { patience: 1 });
    const fast = parseSearchSpace(
      '{"parameters": {"training.learningRate": {"type": "choice", "values": [0.1]}}}',
      "s",
    );
    const { best } = await tune(hasty, fast, "s", options);
    expect(best.epochs).toBeLessThan(12);
    expect(lines(join(folder, "early", "trials.jsonl"))).toHaveLength(1);
  });

  it("judges the trials of a rung with several seeds by their mean", async () => {
    const rungs = [{ trials: 3, epochs: 1, seeds: 2 }];
    const options = { logs, rungs, seed: 3, folder: join(folder, "seeds"), backend: "wasm" } as const;
    const { trials } = await tune(spec, space, "space.json", options);
    const all = lines(join(folder, "seeds", "trials.jsonl"));
    expect(all).toHaveLength(6);
    for (const { trial, valid } of trials) {
      const [a, b] = all.filter((one) => one.trial === trial).map((one) => one.valid.auc as number) as [number, number];
      expect(a).not.toBe(b);
      expect(valid.auc).toBeCloseTo((a + b) / 2, 12);
    }
    const losses = trials.map(({ valid }) => valid.logloss as number);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
  });

  it("goes on where a trial diverges, and says so where all do", async () => {
    const wild = (values: number[]) =>
      parseSearchSpace(JSON.stringify({ parameters: { "training.learningRate": { type: "choice", values } } }), "s");
    const rungs = [{ trials: 4, epochs: 1 }];
    const options = { logs, rungs, seed: 2, backend: "wasm" } as const;
    const { trials, best } = await tune(spec, wild([0.01, 1e30]), "s", { ...options, folder: join(folder, "wild") });
    expect(best.settings["training.learningRate"]).toBe(0.01);
    // Two values make two trials, however many are asked for.
    expect(trials).toHaveLength(2);
    expect(trials[1]).toMatchObject({ valid: { auc: null, logloss: null }, epochs: 0 });
    await expect(tune(spec, wild([1e30]), "s", { ...options, folder: join(folder, "all") })).rejects.toThrow(
      "every trial diverged",
    );
  });

  it("refuses a space of settings that the spec has not before it trains", async () => {
    const wrong = parseSearchSpace('{"parameters": {"training.rate": {"type": "uniform", "low": 0, "high": 1}}}', "s");
    const options = { logs, rungs: [{ trials: 2, epochs: 1 }], seed: 1, folder: join(folder, "wrong") };
    await expect(tune(spec, wrong, "s", options)).rejects.toThrow("s, trial 1: training.rate: unknown key");
    expect(existsSync(join(folder, "wrong"))).toBe(false);
  });

  it("refuses seeds that there are not before it trains", async () => {
    const last = tinyRunSpec({}, { seed: 2 ** 32 - 2 });
    const rungs = [
      { trials: 2, epochs: 1 },
      { trials: 1, epochs: 1, seeds: 3 },
    ];
    const options = { logs, rungs, seed: 1, folder: join(folder, "far") };
    await expect(tune(last, space, "s", options)).rejects.toThrow(
      "s, trial 1: training.seed: got 4294967296, expected <=4294967295",
    );
    expect(existsSync(join(folder, "far"))).toBe(false);
  });

  it("refuses a space with models that no blob holds before it trains", async () => {
    const values = { type: "choice", values: [4, 200] };
    const wide = parseSearchSpace(JSON.stringify({ parameters: { "model.embeddingDim": values } }), "s");
    const options = { logs, rungs: [{ trials: 2, epochs: 1 }], seed: 1, folder: join(folder, "wide") };
    await expect(tune(tinyRunSpec({ type: "FM & DNN" }), wide, "s", options)).rejects.toThrow(
      "tiny: model.embeddingDim: got 200, which makes rows of 400 numbers in the model FM & DNN, expected at most 256",
    );
    expect(existsSync(join(folder, "wide"))).toBe(false);
  });

  it("refuses a space that varies what trials are judged by", async () => {
    const values = { type: "choice", values: ["auc", "logloss"] };
    const judges = parseSearchSpace(JSON.stringify({ parameters: { "training.monitor": values } }), "s");
    const options = { logs, rungs: [{ trials: 2, epochs: 1 }], seed: 1, folder: join(folder, "judges") };
    await expect(tune(spec, judges, "s", options)).rejects.toThrow(
      "s: training.monitor: got it among the parameters, expected it in the spec alone",
    );
  });

  it("judges the trials of a two-tower model by the in-batch loss, and gives no other metric", async () => {
    const towers = tinyRunSpec({ type: "two-tower" }, { loss: "in-batch", itemField: "category", maxEpochs: 2 });
    const rates = parseSearchSpace(
      '{"parameters": {"training.learningRate": {"type": "choice", "values": [0.01, 0.001]}}}',
      "s",
    );
    const options = { logs, rungs: [{ trials: 2, epochs: 2 }], seed: 1, folder: join(folder, "towers") };
    const { trials } = await tune(towers, rates, "s", { ...options, backend: "wasm" });
    const losses = trials.map(({ valid }) => valid.loss as number);
    expect(losses[0]).toBeLessThan(losses[1] as number);
    expect(trials.map(({ valid }) => [valid.auc, valid.logloss])).toEqual(trials.map(() => [null, null]));
  });
});

describe("the log of trials", () => {
  it("refuses a line that is no trial, by its number", () => {
    const path = join(folder, "broken.jsonl");
    writeFileSync(path, '{"key": "a"}\n');
    expect(() => new TrialLog(path)).toThrow(`${path}, line 1: trial: missing`);
    writeFileSync(path, "{\n");
    expect(() => new TrialLog(path)).toThrow(`${path}, line 1: not JSON`);
  });
});

it("the command is resumed after a kill with the same outcome, and writes the best spec", async () => {
  writeFileSync(join(folder, "spec.json"), JSON.stringify(spec));
  writeFileSync(join(folder, "space.json"), JSON.stringify(SPACE));
  const data = ["--train", log.train, "--valid", log.valid, "--backend", "wasm"];
  const args = ["tune", "spec.json", "--space", "space.json", ...data, "--trials", "4", "--eta", "2", "--seed", "5"];
  const path = join(folder, "cut", "trials.jsonl");
  const moment = endedAt({ name: /\/trials\.jsonl$/, count: 2, named: true });
  const killed = await runCommand(folder, [...args, "--out", "cut"], moment);
  expect(killed.code, killed.out).toBe(null);
  const kept = readFileSync(path, "utf8");
  expect(lines(path)).toHaveLength(2);
  const resumed = await runHere(folder, [...args, "--out", "cut", "--json", "cut.json"]);
  expect(resumed.out).toContain("trial 1 of 4: logloss 0.");
  expect(resumed.out).toMatch(/trial 2 of 4: logloss 0\.\d+, known/);
  expect(resumed.code).toBe(0);
  expect(readFileSync(path, "utf8").startsWith(kept)).toBe(true);

  const whole = await runHere(folder, [...args, "--out", "whole", "--json", "whole.json"]);
  expect(whole.out).not.toContain("known");
  const quality = (file: string): unknown =>
    JSON.parse(readFileSync(join(folder, file), "utf8")).trials.map(({ seconds, ...trial }: Trial) => trial);
  expect(quality("cut.json")).toEqual(quality("whole.json"));
  const best = readFileSync(join(folder, "cut", "best.json"), "utf8");
  expect(best).toBe(readFileSync(join(folder, "whole", "best.json"), "utf8"));
  expect(whole.out).toContain(best.trim());
  expect(whole.out).toContain(
    `#${JSON.parse(readFileSync(join(folder, "whole.json"), "utf8")).best.trial}; whole/report.html`,
  );
  expect(readFileSync(join(folder, "whole", "report.html"), "utf8")).toContain("<h3>training.learningRate</h3>");
  const found = parseFeatureSpec(best, "best.json");
  const { best: trial } = JSON.parse(readFileSync(join(folder, "cut.json"), "utf8"));
  expect(found.model.hidden).toEqual(trial.settings["model.hidden"]);
});
