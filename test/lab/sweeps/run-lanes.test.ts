import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openLanes } from "../../../lab/sweeps/run-lanes.ts";
import { runSweep } from "../../../lab/sweeps/sweep.ts";
import { startEngine } from "../../../trainer/engine/engines.ts";
import type { Epoch } from "../../../trainer/training/epochs.ts";
import { tinyLog, tinyRunSpec } from "../../trainer/tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

describe("runs side by side", () => {
  it("have the outcomes of runs one after the other", async () => {
    const cases = [
      { name: "LR", spec: tinyRunSpec({ type: "LR" }) },
      { name: "DeepFM", spec: tinyRunSpec({ type: "DeepFM" }) },
      { name: "diverges", spec: tinyRunSpec({ type: "DeepFM" }, { learningRate: 1e30 }) },
    ];
    const sweep = (jobs: number) =>
      runSweep(cases, { logs, seeds: 2, folder: join(folder, `jobs-${jobs}`), jobs, engine: "assembly", threads: 2 });
    const [alone, sideBySide] = [await sweep(1), await sweep(3)];
    const withoutTimes = (outcomes: typeof alone) => outcomes.map((of) => of.map((one) => ({ ...one, seconds: 0 })));
    expect(withoutTimes(sideBySide)).toEqual(withoutTimes(alone));
    expect(alone.map((of) => of.map((one) => "diverged" in one))).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it("tell of their epochs, and fail as one of this thread does, without harm to the next", async () => {
    await using stack = new AsyncDisposableStack();
    const engine = await startEngine({ engine: "assembly", threads: 2 });
    const [lane, other] = openLanes(2, logs, engine).map((one) => stack.use(one));
    if (!lane || !other) throw new Error("expected two lanes");
    const epochs: number[] = [];
    const onEpoch = ({ epoch }: Epoch): number => epochs.push(epoch);
    const spec = tinyRunSpec({ type: "LR" });
    const [first, ...others] = spec.fields;
    if (!first) throw new Error("expected a field");
    const lacking = { ...spec, fields: [{ ...first, name: "nowhere" }, ...others] };
    const [alone] = openLanes(1, logs, engine);
    const fault = await alone?.train("alone", lacking, onEpoch).catch((error: Error) => error);
    await expect(lane.train("lacking", lacking, onEpoch)).rejects.toThrow(fault as Error);
    expect((fault as Error).message).toContain("nowhere");
    const outcome = await lane.train("whole", spec, onEpoch);
    expect("epochs" in outcome && outcome.epochs).toBe(epochs.length);
    expect(epochs).toEqual(Array.from(epochs, (_, i) => i + 1));
  });

  it("are refused for TensorFlow.js", async () => {
    const cases = [{ name: "LR", spec: tinyRunSpec({ type: "LR" }) }];
    const sweep = runSweep(cases, { logs, seeds: 1, folder: join(folder, "tfjs"), jobs: 2, backend: "wasm" });
    await expect(sweep).rejects.toThrow("got --jobs 2 for TensorFlow.js, expected it for --engine assembly alone");
  });
});
