// A checkpoint that cannot be written is said; training goes on, and the last one stays.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, onTestFinished, vi } from "vitest";
import { readMetadata } from "../../../trainer/io/safetensors.ts";
import { Interrupted } from "../../../trainer/training/checkpoint.ts";
import { train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

/** Trains with a checkpoint after every step. `onEpoch` may break the run folder. */
async function trainInto(out: string, onEpoch: (epoch: number) => void) {
  let warned = "";
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    warned += text;
    return true;
  });
  try {
    const options = { train: logs.train, valid: logs.valid, cache: logs.cache, backend: TEST_BACKEND } as const;
    const saving = { out, checkpointMinutes: 0, onEpoch: (epochs: readonly unknown[]) => onEpoch(epochs.length) };
    const result = await train(tinyRunSpec({}, { maxEpochs: 3 }), { ...options, ...saving }).catch((error) => error);
    return { result, warned };
  } finally {
    write.mockRestore();
  }
}

it("goes on without a new checkpoint, and keeps the last one", async () => {
  const out = join(folder, "run");
  let last: Buffer | null = null;
  const { result, warned } = await trainInto(out, (epoch) => {
    if (epoch !== 1) return;
    last = readFileSync(join(out, "checkpoint.safetensors"));
    // From now on a folder has the checkpoint's name.
    renameSync(out, `${out}-moved`);
    mkdirSync(join(out, "checkpoint.safetensors"), { recursive: true });
  });
  expect(result.epochs).toHaveLength(3);
  expect(warned).toMatch(/^warning: no checkpoint was saved: .*checkpoint\.safetensors: not written: .*goes on$/m);
  expect(warned.match(/no checkpoint was saved/g)).toHaveLength(1);
  expect(readFileSync(join(`${out}-moved`, "checkpoint.safetensors"))).toEqual(last);
  expect(JSON.parse(readMetadata(join(`${out}-moved`, "checkpoint.safetensors")).position ?? "").epochs).toHaveLength(
    0,
  );
});

it("says so where a signal ends it without one", async () => {
  const out = join(folder, "stopped");
  // Libraries that another file of this process has loaded would end it.
  const others = process.listeners("SIGTERM");
  process.removeAllListeners("SIGTERM");
  onTestFinished(() => {
    for (const listener of others) process.on("SIGTERM", listener);
  });
  const { result } = await trainInto(out, () => {
    rmSync(out, { recursive: true });
    writeFileSync(out, "a file in the place of the folder");
    process.emit("SIGTERM", "SIGTERM");
  });
  expect(result).toBeInstanceOf(Interrupted);
  expect(result.message).toBe("stopped by SIGTERM; there is no checkpoint");
  expect(result.exitCode).toBe(143);
});

it("is saved also where a group of processes got the signal, and a launcher hands it on once more", async () => {
  const out = join(folder, "twice");
  const before = process.listenerCount("SIGTERM");
  let listening = 0;
  const { result } = await trainInto(out, () => {
    for (let i = 0; i < 2; i++) process.emit("SIGTERM", "SIGTERM");
    listening = process.listenerCount("SIGTERM"); // where nothing listens, the system ends the process
  });
  expect(listening).toBe(before + 1);
  expect(result.message).toBe(`stopped by SIGTERM; --resume goes on from ${join(out, "checkpoint.safetensors")}`);
  expect(process.listenerCount("SIGTERM")).toBe(before);
});
