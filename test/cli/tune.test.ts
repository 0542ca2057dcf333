import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { SPEC } from "./cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-tune-"));
const here = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(here);
  rmSync(folder, { recursive: true });
});

const rows = Array.from({ length: 400 }, (_, i) => `${i % 3 === 0 ? 1 : 0},${i % 3 === 0 ? "a" : "b"}${i % 5}`);
writeFileSync(join(folder, "log.csv"), `label,user\n${rows.join("\n")}\n`);
const data = { split: { kind: "random", valid: 0.3, test: 0.2 } };
for (const [file, model] of [
  ["spec.json", {}],
  ["spec-fm.json", { type: "FM" }],
] as const)
  writeFileSync(join(folder, file), JSON.stringify({ ...SPEC, model, training: { maxEpochs: 2 }, data }));

async function tune(...args: string[]): Promise<void> {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.spyOn(console, "log").mockReturnValue();
  await (await makeProgram()).parseAsync(["tune", "spec.json", "--data", "log.csv", "--backend", "cpu", ...args], {
    from: "user",
  });
}

test("a quick search begins with the settings that train takes from the log, and writes all of the best", async () => {
  await tune("--quick", "--model", "fm", "--trials", "3", "--method", "random", "--out", "quick");
  const trials = readFileSync("quick/trials.jsonl", "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(trials).toHaveLength(3);
  await (await makeProgram()).parseAsync(
    ["train", "spec-fm.json", "--data", "log.csv", "--backend", "cpu", "--no-importance", "--out", "run"],
    { from: "user" },
  );
  const { model, training } = JSON.parse(readFileSync("run/run.json", "utf8")).spec;
  expect(trials[0].settings).toEqual({
    "training.learningRate": training.learningRate,
    "training.l2": training.l2,
    "model.embeddingDim": model.embeddingDim,
  });
  const best = JSON.parse(readFileSync("quick/best.json", "utf8"));
  expect(best.model).toMatchObject({ type: "FM", hidden: model.hidden, dropout: model.dropout });
  expect(best.training).toMatchObject({ batchSize: training.batchSize, l2Scope: "table" });
});

test.each([
  [["--quick", "--space", "space.json"], "got both --quick and --space, expected one of them"],
  [[], "got neither --quick nor --space, expected one of them"],
])("tune %j is refused", async (args, problem) => {
  await expect(tune(...args, "--out", "none")).rejects.toThrow(problem);
});
