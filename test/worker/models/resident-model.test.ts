import { expect, test, vi } from "vitest";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { ResidentModel } from "../../../worker/models/resident-model.ts";
import { makeModel } from "../tiny-model.ts";

test("who keeps a version is told when its memory is given back: once nothing leads to it or uses it", async () => {
  const { version, blob } = await makeModel(1);
  const { variant, module } = bestKernelModule();
  const placed = placeBlob(module, blob);
  const scorer = new Scorer(placed);
  const { memory } = placed.kernel;
  const about = { version, signer: null, serial: 0, blobBytes: blob.length, variant, loadedAt: 0 };
  const budget = new MemoryBudget(() => 0);
  const lease = budget.lease("models");
  lease.resize(memory.buffer.byteLength);
  const onEnd = vi.fn();
  const resident = new ResidentModel({ ...about, scorer, memory }, lease, () => 0, onEnd);
  const holder = { isDefault: true, forget: () => {} };
  const request = budget.lease("requests");

  resident.hold(holder);
  resident.use(request);
  resident.release(holder);
  expect(onEnd).not.toHaveBeenCalled();
  expect(budget.report().taken.models).toBe(memory.buffer.byteLength);
  request.end();
  expect(onEnd).toHaveBeenCalledExactlyOnceWith(resident);
  expect(budget.report().taken.models).toBe(0);
});
