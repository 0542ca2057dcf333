// A training that is killed at random steps and resumed ends with the same bytes as one that was left alone. It is the
// real command in a process of its own, as a process is what gets killed.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateLog } from "../../../trainer/data/generate.ts";
import { Random } from "../../../trainer/data/random.ts";
import { readSafetensors } from "../../../trainer/io/safetensors.ts";
import { runCommand } from "../../cli/cli-process.ts";
import { runHere } from "../../cli/command-here.ts";
import { endedAt } from "../../killed-process.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-resume-"));
afterAll(() => rmSync(folder, { recursive: true }));

const spec = JSON.parse(readFileSync("examples/generated.json", "utf8"));
beforeAll(async () => {
  await generateLog(join(folder, "log"), 15_000, 3, { advance: () => {}, done: () => {} });
});

/** The arguments of `deepfm-edge` for a training with a checkpoint after every step. */
function argumentsOf(specPath: string, out: string, engine: readonly string[]): string[] {
  const log = (name: string): string => join(folder, "log", `${name}.csv`);
  const flags = ["--train", log("train"), "--valid", log("valid"), "--out", out, "--checkpoint-every", "0"];
  return ["train", specPath, ...flags, "--engine", ...engine];
}

// A training that was killed goes on with another number of threads than the whole one, which changes nothing.
const cases = [
  {
    ...{ name: "DeepFM", engine: ["assembly", "--threads", "2"], wholeBy: ["assembly", "--threads", "1"] },
    model: { hidden: [64, 32], dropout: 0.2, batchNorm: true },
    l2: { l2: 0.01, l2Scope: "table" },
  },
  {
    ...{ name: "FNN, whose pre-training is killed too", engine: ["tfjs"], wholeBy: ["tfjs"] },
    model: { type: "FNN", hidden: [24, 16] },
    l2: {},
  },
];

describe.each(cases)("$name, on the engine $engine.0", ({ model, engine, wholeBy, l2 }) => {
  it("killed and resumed at random steps, it ends with the same weights", async () => {
    const type = (model as { type?: string }).type ?? "DeepFM";
    const specPath = join(folder, `${type}.json`);
    const { $schema: _, ...rest } = spec;
    const training = { batchSize: 512, maxEpochs: 3, patience: 1, rateDrops: 1, ...l2 };
    writeFileSync(specPath, JSON.stringify({ ...rest, model: { ...model, embeddingDim: 4 }, training }));

    const whole = join(folder, `${type}-whole`);
    expect(await runHere(process.cwd(), argumentsOf(specPath, whole, wholeBy))).toMatchObject({ code: 0 });

    const killed = join(folder, `${type}-killed`);
    const random = new Random(17);
    const resumed = (env: NodeJS.ProcessEnv) =>
      runCommand(process.cwd(), [...argumentsOf(specPath, killed, engine), "--resume"], env);
    // With the checkpoint of a step there, and while another takes its place.
    for (const [signal, named, expected] of [
      ["SIGKILL", true, null],
      ["SIGTERM", true, 143],
      ["SIGKILL", false, null],
    ] as const) {
      const count = 3 + random.integer(20);
      const { code, stderr } = await resumed(endedAt({ name: /checkpoint\.safetensors$/, count, named, signal }));
      expect(code, stderr).toBe(expected);
    }
    const last = await resumed({});
    expect(last.code, last.stderr).toBe(0);

    // The text beside them says how many threads there were.
    const weights = (out: string) => readSafetensors(join(out, "model.safetensors")).tensors;
    expect(weights(killed)).toEqual(weights(whole));
    expect(existsSync(join(killed, "checkpoint.safetensors"))).toBe(false);
  });
});
