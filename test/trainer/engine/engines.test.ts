import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { bestKernelVariant } from "../../../runtime/variant.ts";
import { widenOperations } from "../../../trainer/engine/assembly/wide.ts";
import {
  askFor,
  defaultThreads,
  engineKey,
  engineOfRun,
  engineText,
  MOST_THREADS,
  startEngine,
} from "../../../trainer/engine/engines.ts";
import { readSafetensors, writeSafetensors } from "../../../trainer/io/safetensors.ts";
import { loadRun, saveRun } from "../../../trainer/training/run-folder.ts";
import { train } from "../../../trainer/training/train.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

describe("the engine that is chosen", () => {
  const own = {
    engine: "assembly",
    backend: bestKernelVariant(),
    device: "cpu",
    threads: defaultThreads(),
    ...(widenOperations() && { wide: true }),
    versions: {},
  };

  it("is our own where nothing speaks for TensorFlow.js", async () => {
    expect(await startEngine({})).toEqual({ ...own, why: "it is the fastest without a GPU" });
    expect(await startEngine({ engine: "assembly" })).toEqual({ ...own, why: "--engine asks for it" });
  });

  it("is TensorFlow.js where it or one of its backends is asked for", async () => {
    expect(await startEngine({ backend: "cpu" })).toMatchObject({ engine: "tfjs", backend: "cpu" });
    expect(await startEngine({ engine: "tfjs" })).toMatchObject({ engine: "tfjs", why: "--engine asks for it" });
    await expect(startEngine({ engine: "assembly", backend: "cpu" })).rejects.toThrow(
      "got --engine assembly and --backend cpu, expected one of them: it has no backends",
    );
  });

  it("is chosen for the same reason where a sweep asks again for what it has", async () => {
    for (const asked of [{}, { threads: 2 }, { backend: "cpu" }, { engine: "tfjs" }] as const) {
      const chosen = await startEngine(asked);
      expect(await startEngine(askFor(chosen))).toEqual(chosen);
    }
  });

  it("is our own where threads are asked for, which no other has", async () => {
    expect(await startEngine({ threads: 3 })).toEqual({ ...own, threads: 3, why: "--threads asks for it" });
    const refused =
      "got --threads 3 for TensorFlow.js, expected it for --engine assembly alone; tfjs-node takes as many";
    for (const asked of [{ engine: "tfjs" }, { backend: "wasm" }, { backend: "tfjs-node" }] as const)
      await expect(startEngine({ ...asked, threads: 3 })).rejects.toThrow(refused);
    expect(() => engineOfRun({ backend: "wasm" }, { threads: 3 })).toThrow(refused);
    expect(engineOfRun({ backend: "wasm" }, { engine: "assembly", threads: 3 })).toBe("assembly");
    for (const threads of [0, 1.5, -1, 65, Number.NaN])
      await expect(startEngine({ threads })).rejects.toThrow(
        `threads: got ${threads}, expected an integer of 1 to ${MOST_THREADS}`,
      );
  });

  it("is the run's own where another is not asked for; a run of an earlier version has TensorFlow.js", () => {
    expect(engineOfRun({ engine: "assembly", backend: "simd" }, {})).toBe("assembly");
    expect(engineOfRun({ engine: "assembly", backend: "simd" }, { backend: "cpu" })).toBe("tfjs");
    expect(engineOfRun({ backend: "wasm" }, { engine: "auto" })).toBe("tfjs");
    expect(engineOfRun({ backend: "wasm" }, { engine: "assembly" })).toBe("assembly");
  });

  it("has its part in a result's key; TensorFlow.js's are those of earlier versions", async () => {
    expect(engineKey(await startEngine({ backend: "cpu" }))).toBe("cpu");
    expect(engineKey(await startEngine({}))).toBe(`assembly ${bestKernelVariant()}`);
  });

  it("is a line of text, and no other key where it computes with 256 bits", () => {
    const narrow = { engine: "assembly", backend: "relaxed", device: "cpu", threads: 2, versions: {} } as const;
    const wide = { ...narrow, wide: true } as const;
    expect([narrow, wide].map(engineText)).toEqual([
      "engine: assembly, relaxed (2 threads)",
      "engine: assembly, relaxed, wide (2 threads)",
    ]);
    expect(engineKey(wide)).toBe(engineKey(narrow));
  });

  it("has its part in a result's key: a native backend's library, device, threads and variables", () => {
    const native = {
      ...({ engine: "tfjs", backend: "tfjs-node", device: "cpu", threads: 2 } as const),
      ...{ versions: { tensorflow: "2.20.0" }, variables: { TF_ENABLE_ONEDNN_OPTS: null } },
    };
    const others = [
      { ...native, threads: 4 },
      { ...native, versions: { tensorflow: "2.21.0" } },
      { ...native, variables: { TF_ENABLE_ONEDNN_OPTS: "0" } },
      { ...native, backend: "tfjs-node-gpu", device: "gpu", threads: null } as const,
    ];
    expect(new Set([native, { ...native }, ...others].map(engineKey)).size).toBe(1 + others.length);
  });
});

describe("a training", async () => {
  const { folder, logs } = await tinyLog();
  afterAll(() => rmSync(folder, { recursive: true }));
  const spec = tinyRunSpec({ type: "DeepFM", dropout: 0.2 }, { maxEpochs: 2 });
  const options = (out: string) => ({ ...logs, out: join(folder, out), checkpointMinutes: 0 });

  it("has the same weights again, and a run that says what trained it", async () => {
    const [first, second] = [await train(spec, options("a")), await train(spec, options("b"))];
    expect(first.learner.weights()).toEqual(second.learner.weights());
    saveRun(join(folder, "a"), first, logs.valid);
    const { record, learner } = loadRun(join(folder, "a"));
    expect(record).toMatchObject({
      engine: "assembly",
      backend: bestKernelVariant(),
      device: "cpu",
      threads: defaultThreads(),
    });
    expect(Object.keys(record.versions).toSorted()).toEqual(["deepfm-edge", "node"]);
    expect(learner.weights()).toEqual(first.learner.weights());
    expect(JSON.parse(readFileSync(join(folder, "a", "run.json"), "utf8"))).toMatchObject({ engine: "assembly" });
  });

  it("is resumed by the engine that began it, and by no other", async () => {
    const path = (out: string): string => join(folder, out, "checkpoint.safetensors");
    const copy = (to: string): void => {
      mkdirSync(join(folder, to));
      copyFileSync(path("a"), path(to));
    };
    copy("c");
    await expect(train(spec, { ...options("c"), resume: true, engine: "tfjs" })).rejects.toThrow(
      `${path("c")}: got a checkpoint of the engine assembly, expected one of tfjs; --engine assembly goes on with it`,
    );
    expect((await train(spec, { ...options("c"), resume: true })).engine.engine).toBe("assembly");

    // A checkpoint of an earlier version does not say that TensorFlow.js began it.
    copy("d");
    const { tensors, metadata } = readSafetensors(path("d"));
    const { engine: _, backend: __, ...older } = metadata;
    writeSafetensors(path("d"), tensors, older);
    expect((await train(spec, { ...options("d"), resume: true })).engine.engine).toBe("tfjs");
  });

  it("is resumed on the backend that began it, or with a warning on another that is asked for", async () => {
    await train(spec, { ...options("e"), backend: "cpu" });
    expect((await train(spec, { ...options("e"), resume: true })).engine.backend).toBe("cpu");
    expect((await train(spec, { ...options("e"), resume: true, engine: "tfjs" })).engine.backend).toBe("cpu");
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      expect((await train(spec, { ...options("e"), resume: true, backend: "wasm" })).engine.backend).toBe("wasm");
      const printed = write.mock.calls.map(([text]) => text).join("");
      expect(printed).toContain("checkpoint.safetensors: begun on cpu, goes on with wasm: the weights will differ");
    } finally {
      write.mockRestore();
    }
  });
});
