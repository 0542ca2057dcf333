import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openPart } from "../../../trainer/data/logs.ts";
import { exportRun } from "../../../trainer/export/export-run.ts";
import { openCatalogue } from "../../../trainer/export/items.ts";
import { DEFAULT_LIMITS } from "../../../trainer/export/report.ts";
import { runRecord } from "../../../trainer/training/run-record.ts";
import { train } from "../../../trainer/training/train.ts";
import { TEST_BACKEND } from "../backend.ts";
import { tinyLog, tinyRunSpec } from "../tiny-run.ts";

const { folder, logs } = await tinyLog();
afterAll(() => rmSync(folder, { recursive: true }));

test.each<[string, string, string]>([
  ["a log without a field of the item", "price", 'items.csv: no column "tags"; got "category", "price"'],
  ["a field that cannot name items", "price,tags", "--item-id price: got another field, expected a categorical one"],
])("a catalogue is refused before anything is measured: %s", async (_, columns, problem) => {
  const trained = await train(tinyRunSpec(), { ...logs, backend: TEST_BACKEND });
  const items = join(folder, "items.csv");
  writeFileSync(items, `category,${columns}\nc1,9${columns.includes("tags") ? ",t1" : ""}\n`);
  await using log = await openCatalogue(trained.spec, [items]);
  await using heldOutLog = await openPart(trained.spec, logs.valid);
  const calibrationLog = await openHeldOutLog(trained.spec, trained, logs.valid, logs.cache);
  const read = vi.spyOn(calibrationLog, "head");
  const itemId = problem.startsWith("--item-id") ? "price" : "category";
  const exported = exportRun(trained, {
    ...{ folder: join(folder, "export"), quantization: "int8", limits: DEFAULT_LIMITS, heldOutLog, calibrationLog },
    ...{ trainedWith: runRecord(trained.spec, trained.engine), catalogue: { log, itemId } },
  });
  await expect(exported).rejects.toThrow(problem);
  expect(read).not.toHaveBeenCalled();
  expect(existsSync(join(folder, "export"))).toBe(false);
});
