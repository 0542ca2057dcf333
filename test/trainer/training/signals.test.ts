// A signal that comes after the last step of a training, as while it is validated, stops the command as any other does.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import type { ModelType } from "../../../format/spec.ts";
import { Interrupted } from "../../../trainer/training/checkpoint.ts";
import { train } from "../../../trainer/training/train.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

/** Trains. `stopAt`: the line of progress at which SIGTERM comes. */
async function trainInto(out: string, type: ModelType, { resume = false, stopAt = "", training = {} } = {}) {
  let said = "";
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += text;
    if (stopAt !== "" && String(text).startsWith(`${stopAt}:`)) process.emit("SIGTERM", "SIGTERM");
    return true;
  });
  try {
    const paths = { train: logs.train, valid: logs.valid, cache: logs.cache, out: join(folder, out) };
    const spec = tinyRunSpec({ type }, { maxEpochs: 2, ...training });
    const result = await train(spec, { ...paths, threads: 1, resume }).catch((error) => error);
    return { result, said };
  } finally {
    write.mockRestore();
  }
}

it.each([
  ["the training", "DeepFM", "epoch 2", []],
  ["an FNN's pre-training", "FNN", "FM epoch 2", ["epoch 1", "epoch 2"]],
] as const)("of %s: %s is resumed after %s, with the same weights", async (what, type, stopAt, left) => {
  const out = what.replaceAll(/\W/g, "-");
  const { result: whole } = await trainInto(`${out}-whole`, type);
  const { result: stopped } = await trainInto(out, type, { stopAt });
  expect(stopped).toBeInstanceOf(Interrupted);
  expect(stopped.exitCode).toBe(143);
  const { result: resumed, said } = await trainInto(out, type, { resume: true });
  expect([...said.matchAll(/^((?:FM )?epoch \d):/gm)].map(([, name]) => name)).toEqual(left);
  expect(resumed.learner.weights()).toEqual(whole.learner.weights());
  expect(resumed.epochs).toHaveLength(2);
});

it("of a training that stops early, it is resumed too", async () => {
  const training = { maxEpochs: 20, patience: 1, learningRate: 0.3, rateDrops: 0 };
  const { result: whole } = await trainInto("early-whole", "DeepFM", { training });
  const last = whole.epochs.length;
  expect(last).toBeLessThan(20);
  const { result: stopped } = await trainInto("early", "DeepFM", { training, stopAt: `epoch ${last}` });
  expect(stopped).toBeInstanceOf(Interrupted);
  const { result: resumed } = await trainInto("early", "DeepFM", { training, resume: true });
  expect(resumed.learner.weights()).toEqual(whole.learner.weights());
  expect(resumed.epochs).toHaveLength(last);
});
