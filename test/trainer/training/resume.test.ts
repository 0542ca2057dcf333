// A training that is killed at random moments and resumed ends with the same bytes as one that was left alone. It is
// the real command in a process of its own, as a process is what gets killed.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateLog } from "../../../trainer/data/generate.ts";
import { Random } from "../../../trainer/data/random.ts";
import { readSafetensors } from "../../../trainer/io/safetensors.ts";
import { runHere } from "../../cli/command-here.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-resume-"));
afterAll(() => rmSync(folder, { recursive: true }));

const spec = JSON.parse(readFileSync("examples/generated.json", "utf8"));
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

beforeAll(async () => {
  await generateLog(join(folder, "log"), 15_000, 3, { advance: () => {}, done: () => {} });
});

interface Run {
  child: ChildProcess;
  ended: Promise<{ code: number | null; stderr: string }>;
}

/** The arguments of `deepfm-edge` for a training with a checkpoint after every step. */
function argumentsOf(specPath: string, out: string, engine: readonly string[]): string[] {
  const log = (name: string): string => join(folder, "log", `${name}.csv`);
  const flags = ["--train", log("train"), "--valid", log("valid"), "--out", out, "--checkpoint-every", "0"];
  return ["train", specPath, ...flags, "--engine", ...engine];
}

function startResumed(specPath: string, out: string, engine: readonly string[]): Run {
  const child = spawn(process.execPath, ["cli/cli.ts", ...argumentsOf(specPath, out, engine), "--resume"]);
  running.add(child);
  let stderr = "";
  child.stderr?.on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.once("close", (code) => {
      running.delete(child);
      resolve({ code, stderr });
    });
  });
  return { child, ended };
}

/** Waits until the checkpoint has been replaced that many times, or the run is over. */
async function untilCheckpoints(count: number, out: string, { ended }: Run): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const path = join(out, "checkpoint.safetensors");
  const time = (): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  let last = time();
  for (let seen = 0; !over && seen < count; ) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (time() === last) continue;
    last = time();
    seen++;
  }
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
  it("killed and resumed at random moments, it ends with the same weights", async () => {
    const type = (model as { type?: string }).type ?? "DeepFM";
    const specPath = join(folder, `${type}.json`);
    const { $schema: _, ...rest } = spec;
    const training = { batchSize: 512, maxEpochs: 3, patience: 1, rateDrops: 1, ...l2 };
    writeFileSync(specPath, JSON.stringify({ ...rest, model: { ...model, embeddingDim: 4 }, training }));

    const whole = join(folder, `${type}-whole`);
    expect(await runHere(process.cwd(), argumentsOf(specPath, whole, wholeBy))).toMatchObject({ code: 0 });

    const killed = join(folder, `${type}-killed`);
    const random = new Random(17);
    for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"] as const) {
      const run = startResumed(specPath, killed, engine);
      await untilCheckpoints(3 + random.integer(20), killed, run);
      run.child.kill(signal);
      const { code, stderr } = await run.ended;
      expect(code, stderr).toBe(signal === "SIGTERM" ? 143 : null);
    }
    const last = await startResumed(specPath, killed, engine).ended;
    expect(last.code, last.stderr).toBe(0);

    // The text beside them says how many threads there were.
    const weights = (out: string) => readSafetensors(join(out, "model.safetensors")).tensors;
    expect(weights(killed)).toEqual(weights(whole));
    expect(existsSync(join(killed, "checkpoint.safetensors"))).toBe(false);
  }, 120_000);
});
