// A two-tower model that learns by the in-batch loss: no metric is shown that means nothing for it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tinyRunSpec } from "../trainer/tiny-run.ts";
import { CommandFolder } from "./cli-process.ts";

const folder = new CommandFolder();
afterAll(() => folder[Symbol.dispose]());

let printed: { stdout: string; stderr: string };
beforeAll(async () => {
  expect((await folder.run("generate", "log", "--rows", "3000")).code).toBe(0);
  const spec = tinyRunSpec({ type: "two-tower" }, { loss: "in-batch", itemField: "category" });
  folder.file("spec.json", JSON.stringify(spec));
  const logs = ["--train", "log/train.csv", "--valid", "log/valid.csv", "--test", "log/test.csv"];
  const outputs = ["--out", "run", "--json", "metrics.json", "--group", "user", "--backend", "wasm"];
  const { code, ...texts } = await folder.run("train", "spec.json", ...logs, ...outputs);
  expect(code).toBe(0);
  printed = texts;
});

it("train prints its loss, recall and the metrics within groups, and no other", () => {
  const { stdout, stderr } = printed;
  expect(stderr).toMatch(/epoch 1: .* loss \d\.\d{4} {2}valid loss \d\.\d{4} {2}input \d+\.\d %$/m);
  expect(stdout).toMatch(/in-batch loss.*recall@100.*recall@100 of the most popular.*GAUC by user.*records/s);
  expect(stdout).toContain("the best by the in-batch loss; ");
  expect(stdout + stderr).not.toMatch(/NaN|logloss|calibration|ECE|│ AUC/);
});

it("the report and the JSON have no other either", () => {
  const html = readFileSync(join(folder.path, "run", "report.html"), "utf8");
  expect(html).toContain("in-batch loss");
  expect(html).not.toMatch(/NaN|Validation AUC|Reliability|calibration/);
  const { test } = JSON.parse(readFileSync(join(folder.path, "metrics.json"), "utf8"));
  expect(test).toMatchObject({ auc: null, logloss: null, calibrationRatio: null, inBatch: { k: 100, recall: 1 } });
  const run = JSON.parse(readFileSync(join(folder.path, "run", "run.json"), "utf8"));
  expect(run.valid).toMatchObject({ auc: null, logloss: null });
  expect(run.valid.validLoss).toBeGreaterThan(0);
});

it("retrieve needs no validation log, and says which logs it needs", async () => {
  const test = ["--test", "log/test.csv"];
  const { code, stdout } = await folder.run("retrieve", "run", "--train", "log/train.csv", ...test);
  expect(stdout).toMatch(/two-tower .*most popular .*ratio /s);
  expect(code).toBe(0);
  const without = await folder.run("retrieve", "run", ...test);
  expect(without).toMatchObject({
    code: 1,
    stderr: "error: got no log whose items are ranked, expected --train, or --data for one log\n",
  });
});
